/** A promise that is settled from outside; the first settling counts. */
export class Deferred<T> {
  readonly promise: Promise<T>
  #resolve: (value: T) => void = () => undefined
  #reject: (error: Error) => void = () => undefined

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  resolve(value: T): void {
    this.#resolve(value)
  }

  reject(error: Error): void {
    this.#reject(error)
  }
}
