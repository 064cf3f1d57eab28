/** What goes wrong. */
export type FaultKind =
  /** An HTTP status instead of the answer, as a proxy would; nothing is done. */
  | { kind: 'status'; status: number; body?: string; contentType?: string }
  /** An error code in the envelope; nothing is done. */
  | { kind: 'code'; code: number }
  /** The connection is closed before anything is done. */
  | { kind: 'cut' }
  /** The connection is closed after so many bytes of the answer's body (contents) or of the request's body (uploads). */
  | { kind: 'cutAfterBytes'; bytes: number }
  /** The work is done, then the connection is closed without an answer. */
  | { kind: 'lostAnswer' }
  /** Nothing happens until `release()`; then the request is done as usual. */
  | { kind: 'stall' }
  /** So many bytes of the answer's body, then nothing until `release()`. */
  | { kind: 'stallAfterBytes'; bytes: number }
  /** The request is done so many ms later. */
  | { kind: 'latency'; ms: number }

/** Which requests of a route it hits: the n-th from now on (1 = the next), every n-th, or the next so many. Default: the next one. */
export interface FaultTarget {
  /** `PUT /file/content`, as in the request log; `*` is every route. */
  route: string
  nth?: number
  every?: number
  times?: number
}

export type Fault = FaultTarget & FaultKind

interface Scripted {
  fault: Fault
  seen: number
  hits: number
}

/** Scripted faults. The first script that hits a request wins. */
export class Faults {
  #scripts: Scripted[] = []
  #stalled: (() => void)[] = []
  #arrivals: (() => void)[] = []
  readonly #routes: ReadonlySet<string> | undefined

  /** `routes`: the names that requests can have; any when absent. */
  constructor(routes?: Iterable<string>) {
    this.#routes = routes && new Set([...routes, '*'])
  }

  /** @throws {Error} for a route that no request has: such a fault would never happen */
  add(fault: Fault): void {
    if (this.#routes && !this.#routes.has(fault.route))
      throw new Error(`no request has the route "${fault.route}": ${[...this.#routes].join(', ')}`)
    this.#scripts.push({ fault, seen: 0, hits: 0 })
  }

  clear(): void {
    this.#scripts = []
    this.release()
  }

  /** Lets stalled requests go on: all, or so many of those that have waited longest. */
  release(count = this.#stalled.length): void {
    for (const resume of this.#stalled.splice(0, count)) resume()
  }

  /** How many requests are stalled now. */
  get stalled(): number {
    return this.#stalled.length
  }

  /** Resolves when `count` requests are stalled. */
  async untilStalled(count = 1): Promise<void> {
    while (this.#stalled.length < count) await new Promise<void>((resolve) => this.#arrivals.push(resolve))
  }

  /** The fault that hits this request, if one does. Counts it. */
  next(route: string): Fault | undefined {
    let found: Fault | undefined
    for (const script of this.#scripts) {
      if (script.fault.route !== '*' && script.fault.route !== route) continue
      script.seen += 1
      if (found || !isHit(script)) continue
      script.hits += 1
      found = script.fault
    }
    return found
  }

  stall(): Promise<void> {
    return new Promise((resolve) => {
      this.#stalled.push(resolve)
      for (const arrived of this.#arrivals.splice(0)) arrived()
    })
  }
}

function isHit({ fault, seen, hits }: Scripted): boolean {
  if (fault.nth !== undefined) return seen === fault.nth
  if (fault.every !== undefined)
    return seen % fault.every === 0 && (fault.times === undefined || hits < fault.times)
  return hits < (fault.times ?? 1)
}
