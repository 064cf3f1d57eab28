/** One request, complete or still under way. */
export interface LoggedRequest {
  readonly number: number
  readonly method: string
  /**
   * The pattern without `/api/v4`: `PUT /file/content`, `GET /share/info/:id`. Signed contents are `GET /file/content`, chunks
   * `POST /file/upload`, unknown routes `GET ?`.
   */
  readonly route: string
  /** With query; signatures are left out. */
  readonly path: string
  status: number | undefined
  /** Code of the envelope, when the answer was one. */
  code: number | undefined
  /** Bytes of the request's body as announced, and of the answer's body as sent. */
  bytesIn: number
  bytesOut: number
  /** The client closed the connection before the answer was written. */
  wasCut: boolean
  /** A cut that can harm a server: no content was flowing in either direction (api/00-live-files §1). */
  wasHarmfullyCut: boolean
  isDone: boolean
}

/** What came in; tests count requests by route with it. */
export class RequestLog {
  #entries: LoggedRequest[] = []
  #last = 0
  #waiting: (() => void)[] = []

  open(fields: Pick<LoggedRequest, 'method' | 'route' | 'path' | 'bytesIn'>): LoggedRequest {
    const entry: LoggedRequest = {
      ...fields,
      number: (this.#last += 1),
      status: undefined,
      code: undefined,
      bytesOut: 0,
      wasCut: false,
      wasHarmfullyCut: false,
      isDone: false,
    }
    this.#entries.push(entry)
    return entry
  }

  /** The request is over. */
  close(entry: LoggedRequest): void {
    entry.isDone = true
    for (const wake of this.#waiting.splice(0)) wake()
  }

  get all(): readonly LoggedRequest[] {
    return this.#entries
  }

  /** How many requests of a route (`PUT /file/content`), or of all routes, are in the log. */
  count(route?: string): number {
    return route === undefined ? this.#entries.length : this.of(route).length
  }

  of(route: string): LoggedRequest[] {
    return this.#entries.filter((entry) => entry.route === route)
  }

  /** Routes with their numbers of requests, for a message of a failed test. */
  summary(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { route } of this.#entries) counts[route] = (counts[route] ?? 0) + 1
    return counts
  }

  /** A mark for `since`. */
  get position(): number {
    return this.#last
  }

  /** Requests that came after the mark. */
  since(position: number): LoggedRequest[] {
    return this.#entries.filter(({ number }) => number > position)
  }

  clear(): void {
    this.#entries = []
  }

  /**
   * Short API requests that the client cut: closed before the answer was written, other than contents after their first byte and
   * bodies that were still being sent. A good client has none.
   */
  get cutRequests(): LoggedRequest[] {
    return this.#entries.filter(({ wasHarmfullyCut }) => wasHarmfullyCut)
  }

  /** Resolves when a request of the log satisfies `condition`; it is looked at whenever one ends. */
  async until(condition: (log: RequestLog) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
