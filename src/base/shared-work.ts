import { Mutex } from './mutex.ts'

/**
 * Work that serves everybody who asks for it before it begins. Who asks while it runs may have come too late for it, and shares the
 * next run with all others who did.
 */
export class SharedWork {
  readonly #work: () => Promise<void>
  readonly #mutex = new Mutex()
  #next: Promise<void> | undefined

  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  run(): Promise<void> {
    this.#next ??= this.#mutex.run(() => {
      this.#next = undefined
      return this.#work()
    })
    return this.#next
  }
}
