import { LRUCache } from 'lru-cache'
import type { Clock } from '../../base/clock.ts'
import type { RemoteEntry } from '../../remote/types.ts'

/** However little a file seems to change, what was asked about it is not older than this, ms. */
const MAX_AGE_MS = 30_000

/**
 * What was asked about a file a moment ago, until the file changes. Who asks while an answer is on its way shares it; a
 * failure is not kept.
 */
export class RecentAnswers<V extends object> {
  readonly #clock: Clock
  readonly #answers: LRUCache<string, { readonly stamp: string; readonly askedAt: number; readonly value: V }>

  constructor(clock: Clock, maxFiles: number) {
    this.#clock = clock
    this.#answers = new LRUCache({ max: maxFiles })
  }

  /** `topic` tells several answers about one file apart. */
  get(entry: RemoteEntry, topic: string, ask: () => V): V {
    const key = `${entry.id} ${topic}`
    const stamp = `${entry.entity ?? ''} ${entry.updatedAtMs} ${entry.uri}`
    const now = this.#clock.monotonic()
    const known = this.#answers.get(key)
    if (known?.stamp === stamp && now - known.askedAt < MAX_AGE_MS) return known.value
    const value = ask()
    this.#answers.set(key, { stamp, askedAt: now, value })
    return value
  }

  forget(entry: RemoteEntry, topic: string, value: V): void {
    const key = `${entry.id} ${topic}`
    if (this.#answers.get(key)?.value === value) this.#answers.delete(key)
  }
}
