import { setMaxListeners } from 'node:events'

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Requests to end a mount. The first one: unmount, send what was written, then end. The second one: stop waiting for that, what
 * is not sent stays on disk for the next start; only requests that are on their way are waited for.
 */
export class StopRequests {
  readonly #first = new AbortController()
  readonly #second = new AbortController()

  constructor() {
    // Every upload that is waited for listens.
    setMaxListeners(0, this.stop, this.hurry)
  }

  /** Aborted by the first request. */
  get stop(): AbortSignal {
    return this.#first.signal
  }

  /** Aborted by the second request. */
  get hurry(): AbortSignal {
    return this.#second.signal
  }

  request(reason: string): void {
    const controller = this.stop.aborted ? this.#second : this.#first
    controller.abort(new Error(reason))
  }

  /**
   * Takes the signals by which a process is asked to end; the returned function gives them back. After the second one they are
   * given back too: a third one ends the process as the kernel does, whatever is on its way.
   */
  listenToProcess(): () => void {
    const onSignal = (name: NodeJS.Signals) => {
      this.request(`ended by ${name}`)
      if (this.hurry.aborted) stopListening()
    }
    const stopListening = () => {
      for (const name of stopSignals) process.off(name, onSignal)
    }
    for (const name of stopSignals) process.on(name, onSignal)
    return stopListening
  }
}
