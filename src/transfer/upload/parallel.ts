export interface ParallelRun {
  /** Started in this order. */
  readonly indexes: readonly number[]
  /** At a time. */
  readonly width: number
  readonly signal: AbortSignal | undefined
  readonly send: (index: number, signal: AbortSignal) => Promise<void>
}

/**
 * Sends some chunks side by side. The first failure stops the others: their bodies are cut, and all have ended when this
 * rejects with it, or with the reason of `signal`.
 */
export async function sendParallel({ indexes, width, signal, send }: ParallelRun): Promise<void> {
  const stop = new AbortController()
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const queue = indexes.values()
  const worker = async () => {
    try {
      for (const index of queue) await send(index, either)
    } catch (error) {
      stop.abort(error)
      throw error
    }
  }
  const results = await Promise.allSettled(Array.from({ length: width }, worker))
  if (results.every(({ status }) => status === 'fulfilled')) return
  throw signal?.aborted ? signal.reason : stop.signal.reason
}
