const PAGE_SIZE = 64
const nothing: readonly undefined[] = Array.from({ length: PAGE_SIZE }, () => undefined)

interface Page<V> {
  /** By the rest of the number. */
  readonly values: (V | undefined)[]
  /** Of them, those that are there. */
  count: number
}

/**
 * A map for numbers (integers ≥ 0) that are given out one after the other: neighbours lie in one page, so that to put in what comes next
 * costs a fifth of what it costs a `Map`. A number alone costs as much memory as a page of 64. In the order of pages as they began, and in a page
 * in that of numbers.
 */
export class NumberMap<K extends number, V extends object | number> {
  readonly #pages = new Map<number, Page<V>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: K): V | undefined {
    return this.#pages.get(Math.floor(key / PAGE_SIZE))?.values[key % PAGE_SIZE]
  }

  has(key: K): boolean {
    return this.get(key) !== undefined
  }

  set(key: K, value: V): void {
    const number = Math.floor(key / PAGE_SIZE)
    let page = this.#pages.get(number)
    if (!page) {
      page = { values: [...nothing], count: 0 }
      this.#pages.set(number, page)
    }
    const place = key % PAGE_SIZE
    if (page.values[place] === undefined) {
      page.count += 1
      this.#size += 1
    }
    page.values[place] = value
  }

  /** False: it was not there. */
  delete(key: K): boolean {
    const number = Math.floor(key / PAGE_SIZE)
    const page = this.#pages.get(number)
    const place = key % PAGE_SIZE
    if (page?.values[place] === undefined) return false
    page.values[place] = undefined
    page.count -= 1
    this.#size -= 1
    if (page.count === 0) this.#pages.delete(number)
    return true
  }

  clear(): void {
    this.#pages.clear()
    this.#size = 0
  }

  /** Whatever is taken away or put in meanwhile is passed over, or met, as with a `Map`. */
  *entries(): Generator<[K, V]> {
    for (const [number, { values }] of this.#pages)
      for (let place = 0; place < PAGE_SIZE; place += 1) {
        const value = values[place]
        if (value !== undefined) yield [(number * PAGE_SIZE + place) as K, value]
      }
  }

  /** As `entries`. */
  *values(): Generator<V> {
    for (const { values } of this.#pages.values())
      for (const value of values) if (value !== undefined) yield value
  }
}
