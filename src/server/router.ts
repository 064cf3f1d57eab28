import type { Answer } from './http/answer.ts'
import type { ApiRequest } from './http/request.ts'

export type Handler = (request: ApiRequest) => Answer | Promise<Answer>

export interface Route {
  method: string
  /** Below `/api/v4`, with `:name` for a variable part and `*name` for the rest. A path beginning `//` is outside `/api/v4`. */
  pattern: string
  handle: Handler
  /** How the log and faults call it, where the pattern is unhandy: `GET /file/content`. */
  name?: string
}

export interface Match {
  route: Route
  params: Record<string, string>
}

export const apiPrefix = '/api/v4'

/** Finds routes by method and path. */
export class Router {
  readonly #byMethod = new Map<string, { route: Route; parts: string[] }[]>()

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const path = route.pattern.startsWith('//') ? route.pattern.slice(1) : `${apiPrefix}${route.pattern}`
      const list = this.#byMethod.get(route.method) ?? []
      list.push({ route, parts: path.split('/') })
      this.#byMethod.set(route.method, list)
    }
  }

  find(method: string, path: string): Match | undefined {
    const parts = path.split('/')
    for (const candidate of this.#byMethod.get(method) ?? []) {
      const params = matchParts(candidate.parts, parts)
      if (params) return { route: candidate.route, params }
    }
    return undefined
  }
}

/** How a route is called in the log and in faults. */
export function routeName({ method, pattern, name }: Route): string {
  return name ?? `${method} ${pattern.startsWith('//') ? pattern.slice(1) : pattern}`
}

function matchParts(
  pattern: readonly string[],
  parts: readonly string[],
): Record<string, string> | undefined {
  const params: Record<string, string> = {}
  for (const [i, expected] of pattern.entries()) {
    if (expected.startsWith('*')) {
      params[expected.slice(1)] = parts.slice(i).join('/')
      return params
    }
    const part = parts[i]
    if (part === undefined) return undefined
    if (expected.startsWith(':')) params[expected.slice(1)] = part
    else if (part !== expected) return undefined
  }
  return parts.length === pattern.length ? params : undefined
}
