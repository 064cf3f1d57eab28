import { LRUCache } from 'lru-cache'
import type { Clock } from '../../base/clock.ts'
import type { RemoteEntry } from '../../remote/types.ts'

/** However little a file seems to change, what was asked about it is not older than this, ms. */
const MAX_AGE_MS = 30_000
const MAX_REMEMBERED_FILES = 500

/**
 * What was asked about a file a moment ago, until the file changes. Who asks while an answer is on its way shares it; a
 * failure is not kept.
 */
export class RecentAnswers<V extends object> {
  readonly #clock: Clock
  readonly #answers: LRUCache<string, { readonly stamp: string; readonly askedAt: number; readonly value: V }>

  constructor(clock: Clock) {
    this.#clock = clock
    this.#answers = new LRUCache({ max: MAX_REMEMBERED_FILES })
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

/** As `get`, of answers that take time: what fails is asked for again. @throws what `ask` throws */
export async function answered<T>(
  recent: RecentAnswers<Promise<T>>,
  entry: RemoteEntry,
  topic: string,
  ask: () => Promise<T>,
): Promise<T> {
  const asked = recent.get(entry, topic, ask)
  try {
    return await asked
  } catch (error) {
    recent.forget(entry, topic, asked)
    throw error
  }
}
