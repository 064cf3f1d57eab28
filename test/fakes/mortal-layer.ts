import type { FileLayer, LocalFile } from '../../src/base/file-layer.ts'

/** The local disk of one process, which ends with it: from then on nothing reaches it, and nobody is answered. */
export class MortalLayer {
  readonly layer: FileLayer
  #isDead = false

  constructor(inner: FileLayer) {
    this.layer = mortal(
      { ...inner, open: async (path, how) => mortal(await inner.open(path, how), () => this.#isDead) },
      () => this.#isDead,
    )
  }

  kill(): void {
    this.#isDead = true
  }
}

function mortal<T extends FileLayer | LocalFile>(whole: T, isDead: () => boolean): T {
  return new Proxy(whole, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return async (...words: unknown[]) => {
        if (isDead()) return never()
        const answer: unknown = await value.apply(target, words)
        return isDead() ? never() : answer
      }
    },
  })
}

function never(): Promise<never> {
  return new Promise(() => undefined)
}
