/** Concurrent callers for one key share one run of the work; the next caller after it ended starts a new one. */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Promise<V>>()

  run(key: K, work: () => Promise<V>): Promise<V> {
    const running = this.#flights.get(key)
    if (running) return running
    const flight = work().finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    })
    this.#flights.set(key, flight)
    return flight
  }

  /** The flight of `key` that is under way, if any. */
  get(key: K): Promise<V> | undefined {
    return this.#flights.get(key)
  }
}
