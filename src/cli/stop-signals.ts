/** Ctrl-C and friends, for commands that run until they are told to stop. */
const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface StopSignals {
  /** Aborted by the first signal. */
  readonly first: AbortSignal
  /** Aborted by the second: somebody is in a hurry. */
  readonly second: AbortSignal
  /** Gives the signals back to the process. */
  readonly release: () => void
}

export function listenForStop(process: NodeJS.EventEmitter = globalThis.process): StopSignals {
  const first = new AbortController()
  const second = new AbortController()
  const onSignal = (name: string) => (first.signal.aborted ? second : first).abort(name)
  for (const name of names) process.on(name, onSignal)
  return {
    first: first.signal,
    second: second.signal,
    release() {
      for (const name of names) process.off(name, onSignal)
    },
  }
}

/** Resolves when one of the signals is aborted. */
export function untilAborted(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    if (signals.some(({ aborted }) => aborted)) resolve()
    for (const signal of signals) signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
