/** Work on the local disk that nobody waits for, one after the other, with a bound on the bytes that wait. */
export class WriteBehind {
  readonly #limitBytes: number
  readonly #waiting: { readonly bytes: number; readonly work: () => Promise<void> }[] = []
  #waitingBytes = 0
  #running: Promise<void> | undefined
  #isClosed = false

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** False, and nothing happens: too much waits already. `work` does not fail. */
  add(bytes: number, work: () => Promise<void>): boolean {
    const isTooMuch = this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#limitBytes
    if (this.#isClosed || isTooMuch) return false
    this.#waitingBytes += bytes
    this.#waiting.push({ bytes, work })
    this.#running ??= this.#run()
    return true
  }

  /** In its turn, however much waits. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes: 0, work: () => work().then(resolve, reject) })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  /** Takes nothing any more; what waits is done. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.idle()
  }

  async #run(): Promise<void> {
    // Who adds work does it for somebody who waits for an answer: that comes first.
    await new Promise((resolve) => setImmediate(resolve))
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      await next.work()
      this.#waitingBytes -= next.bytes
    }
    this.#running = undefined
  }
}
