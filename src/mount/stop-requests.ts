/**
 * Requests to end a mount. The first one: unmount, send what was written, then end. The second one: end now, what is not sent
 * stays on disk for the next start.
 */
export class StopRequests {
  readonly #first = new AbortController()
  readonly #second = new AbortController()

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

  /** Takes the signals by which a process is asked to end; the returned function gives them back. */
  listenToProcess(): () => void {
    const onSignal = (name: NodeJS.Signals) => this.request(`ended by ${name}`)
    for (const name of stopSignals) process.on(name, onSignal)
    return () => {
      for (const name of stopSignals) process.off(name, onSignal)
    }
  }
}

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
