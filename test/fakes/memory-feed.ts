import type { WatchNotice } from '../../src/remote/changes.ts'

/** Notices of changes, as a test wants them; each watcher is told from then on. */
export class MemoryFeed {
  readonly #watchers = new Set<(notice: WatchNotice) => void>()

  /** How many are being told. */
  get watchers(): number {
    return this.#watchers.size
  }

  tell(notice: WatchNotice): void {
    for (const watcher of this.#watchers) watcher(notice)
  }

  async *notices(signal: AbortSignal): AsyncGenerator<WatchNotice> {
    const waiting: WatchNotice[] = []
    let wake: (() => void) | undefined
    const watcher = (notice: WatchNotice) => {
      waiting.push(notice)
      wake?.()
    }
    signal.addEventListener('abort', () => wake?.(), { once: true })
    this.#watchers.add(watcher)
    try {
      while (!signal.aborted) {
        yield* waiting.splice(0)
        if (waiting.length === 0 && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      this.#watchers.delete(watcher)
    }
  }
}
