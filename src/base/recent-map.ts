/**
 * A map that forgets: of the keys that were put in or asked for it keeps the last `count`, and some more, up to twice as many. What is
 * asked for in the older of its two halves goes over to the younger; when that has `count` keys the older half is dropped. Reading in the
 * younger writes nothing, which makes it several times as fast as an exact LRU where very many keys are read one after the other.
 */
export class RecentMap<K, V extends object | string> {
  readonly #count: number
  #young = new Map<K, V>()
  #old = new Map<K, V>()

  /** @param count at least 1 */
  constructor(count: number) {
    this.#count = count
  }

  get(key: K): V | undefined {
    const value = this.#young.get(key)
    if (value !== undefined || this.#old.size === 0) return value
    const older = this.#old.get(key)
    if (older !== undefined) this.set(key, older)
    return older
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#count && !this.#young.has(key)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }
}
