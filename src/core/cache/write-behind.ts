import type { Clock } from '../../base/clock.ts'

/** A disk that got nothing to do for so long is at rest, ms: programs that save one file after the other pause for less. */
const restMs = 250
/** With so much of the limit waiting, nothing waits for rest any more. */
const restPart = 2

/** Work on the local disk that nobody waits for, one after the other, with a bound on the bytes that wait. */
export class WriteBehind {
  readonly #limitBytes: number
  readonly #clock: Clock
  readonly #waiting: { readonly bytes: number; readonly work: () => Promise<void> }[] = []
  #waitingBytes = 0
  #running: Promise<void> | undefined
  #isClosed = false
  #cancelRest: () => void = () => undefined

  constructor(limitBytes: number, clock: Clock) {
    this.#limitBytes = limitBytes
    this.#clock = clock
  }

  /** False, and nothing happens: too much waits already. `work` does not fail. */
  add(bytes: number, work: () => Promise<void>): boolean {
    const isAdded = this.#take(bytes, work)
    if (isAdded) this.#start()
    return isAdded
  }

  /** As `add`, for work that takes the processor and the disk from programs: it waits until no more of it comes. */
  addAtRest(bytes: number, work: () => Promise<void>): boolean {
    const isAdded = this.#take(bytes, work)
    if (!isAdded || this.#running) return isAdded
    this.#cancelRest()
    if (this.#waitingBytes >= this.#limitBytes / restPart) this.#start()
    else this.#cancelRest = this.#clock.after(restMs, () => this.#start())
    return isAdded
  }

  #take(bytes: number, work: () => Promise<void>): boolean {
    const isTooMuch = this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#limitBytes
    if (this.#isClosed || isTooMuch) return false
    this.#waitingBytes += bytes
    this.#waiting.push({ bytes, work })
    return true
  }

  #start(): void {
    this.#cancelRest()
    this.#running ??= this.#run()
  }

  /** In its turn, however much waits. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes: 0, work: () => work().then(resolve, reject) })
      this.#start()
    })
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#waiting.length > 0 || this.#running) {
      this.#start()
      await this.#running
    }
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
