/**
 * Why a call of the API failed:
 * - `refused`: the server answered with a code other than 0, or refused one object of several, which `items` names then
 * - `batch`: several objects, some of which failed; `items` names each, the others were done
 * - `unsent`: the request never reached the server whole; nothing was done
 * - `lost`: the request was sent, its answer did not come
 * - `busy`: a proxy or the server turned the request away before doing anything (429, 503)
 * - `gateway`: HTTP 5xx or a proxy's page: the server may or may not have seen the request
 * - `no-route`: the server has no such call: an edition or version without the feature
 * - `malformed`: an answer that this client does not understand
 * - `signed-out`: the server does not renew the sign-in any more
 * - `closed`: the client was closed before the request was sent
 */
export type ApiErrorKind =
  | 'refused'
  | 'batch'
  | 'unsent'
  | 'lost'
  | 'busy'
  | 'gateway'
  | 'no-route'
  | 'malformed'
  | 'signed-out'
  | 'closed'

/** One object of a batch that was refused. */
export interface RefusedItem {
  /** URI as the server spells it, without share passwords. */
  readonly uri: string
  readonly code: number
  readonly message: string
}

export interface ApiErrorDetails {
  /** The call, for people and logs: `GET /file`. Never holds a query. */
  readonly endpoint: string
  /** True when the call changes something on the server. */
  readonly mutating?: boolean
  readonly code?: number | undefined
  /** HTTP status. */
  readonly status?: number | undefined
  /** Application that holds the lock (api/01 §5); `undefined` with code 40073 = our own lock is gone. */
  readonly holder?: string | undefined
  readonly items?: readonly RefusedItem[]
  readonly cause?: unknown
}

/** The only error of the control plane. Its message holds no token, password or signed URL. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly kind: ApiErrorKind
  readonly endpoint: string
  readonly mutating: boolean
  readonly code: number | undefined
  readonly status: number | undefined
  readonly holder: string | undefined
  readonly items: readonly RefusedItem[]

  constructor(kind: ApiErrorKind, message: string, details: ApiErrorDetails) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.kind = kind
    this.endpoint = details.endpoint
    this.mutating = details.mutating ?? false
    this.code = details.code
    this.status = details.status
    this.holder = details.holder
    this.items = details.items ?? []
  }

  /** The server said `code`, for the whole call or for any object of it. */
  says(...codes: readonly number[]): boolean {
    if (this.code !== undefined && codes.includes(this.code)) return true
    return this.items.some((item) => codes.includes(item.code))
  }
}

export function isApiError(error: unknown, ...kinds: ApiErrorKind[]): error is ApiError {
  return error instanceof ApiError && (kinds.length === 0 || kinds.includes(error.kind))
}

/** True for a refusal with one of `codes`. */
export function isRefusal(error: unknown, ...codes: number[]): error is ApiError {
  return isApiError(error, 'refused', 'batch') && error.says(...codes)
}
