interface Filling {
  reachedBytes: number
  isOver: boolean
  readonly waiting: Set<() => void>
}

/** Contents that are being copied into the cache from a file of this machine: who reads one waits for the copy. */
export class Fillings {
  readonly #running = new Map<string, Filling>()

  /** `work` copies from the start on and tells how far it has come, bytes. */
  async run(content: string, work: (reached: (bytes: number) => void) => Promise<void>): Promise<void> {
    const filling: Filling = { reachedBytes: 0, isOver: false, waiting: new Set() }
    this.#running.set(content, filling)
    const wake = () => {
      for (const look of filling.waiting) look()
    }
    try {
      await work((bytes) => {
        filling.reachedBytes = bytes
        wake()
      })
    } finally {
      filling.isOver = true
      if (this.#running.get(content) === filling) this.#running.delete(content)
      wake()
    }
  }

  /** True while some of the first `bytes` of the content is still to come. */
  waitsFor(content: string, bytes: number): boolean {
    const filling = this.#running.get(content)
    return filling !== undefined && filling.reachedBytes < bytes
  }

  async wait(content: string, bytes: number): Promise<void> {
    const filling = this.#running.get(content)
    if (!filling) return
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!filling.isOver && filling.reachedBytes < bytes) return
        filling.waiting.delete(look)
        resolve()
      }
      filling.waiting.add(look)
      look()
    })
  }
}
