import { delay, type Clock } from '../../src/base/clock.ts'
import { Mutex } from '../../src/base/mutex.ts'
import { RemoteError } from '../../src/remote/errors.ts'

export interface SimulatedServerOptions {
  readonly clock: Clock
  /** Way there and back, ms. */
  latencyMs?: number
  /** What it takes for a request, one after the other, ms. */
  serialMs?: number
}

/** A server that is nothing but the time it takes. */
export class SimulatedServer {
  latencyMs: number
  serialMs: number
  /** The next so many requests fail. */
  failures = 0
  inFlight = 0
  /** Most requests in flight since it was set to 0. */
  peak = 0
  answered = 0
  readonly #clock: Clock
  readonly #database = new Mutex()

  constructor({ clock, latencyMs = 0, serialMs = 0 }: SimulatedServerOptions) {
    this.#clock = clock
    this.latencyMs = latencyMs
    this.serialMs = serialMs
  }

  /** `factor`: so much more work than others. */
  async request(factor = 1): Promise<void> {
    this.inFlight += 1
    this.peak = Math.max(this.peak, this.inFlight)
    try {
      if (this.latencyMs > 0) await delay(this.#clock, this.latencyMs)
      if (this.serialMs > 0) await this.#database.run(() => delay(this.#clock, factor * this.serialMs))
      if (this.failures > 0) {
        this.failures -= 1
        throw new RemoteError('server', 'HTTP 500')
      }
      this.answered += 1
    } finally {
      this.inFlight -= 1
    }
  }
}
