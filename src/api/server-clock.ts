import type { Clock } from '../base/clock.ts'

/**
 * The server's idea of now, learned from the `Date` header of its answers: tokens and signed URLs expire by the server's
 * clock alone (api/01 §9.1).
 */
export class ServerClock {
  readonly #clock: Clock
  /** Server minus local, ms. The header has whole seconds: good to ± 1 s plus half a round trip. */
  #skewMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** ms since the epoch by the server's clock. */
  now(): number {
    return this.#clock.now() + this.#skewMs
  }

  /** Server minus local, ms; 0 below 2 s, which the header cannot tell from the time that an answer takes. */
  get skewMs(): number {
    return this.#skewMs
  }

  observe(dateHeader: string | undefined): void {
    const serverMs = dateHeader === undefined ? Number.NaN : Date.parse(dateHeader)
    if (Number.isNaN(serverMs)) return
    const skewMs = serverMs - this.#clock.now()
    // Below the resolution of the header there is nothing to learn.
    this.#skewMs = Math.abs(skewMs) < 2000 ? 0 : skewMs
  }
}
