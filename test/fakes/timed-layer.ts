import type { Clock } from '../../src/base/clock.ts'
import type { FileLayer, LocalFile } from '../../src/base/file-layer.ts'

/** A local disk whose every change takes as long as a test says, by the clock of the test: what else happens meanwhile is the same each time. */
export class TimedLayer {
  /** What is on its way. */
  waiting = 0
  #pass: () => Promise<void> = () => Promise.resolve()

  /** What is begun from now on takes `ms`. */
  takes(ms: number, clock: Clock): void {
    this.#pass = async () => {
      if (ms === 0) return
      this.waiting += 1
      await new Promise<void>((resolve) => clock.after(ms, resolve))
      this.waiting -= 1
    }
  }

  over(inner: FileLayer): FileLayer {
    return this.#timed(inner, ['replace', 'rename', 'remove', 'makeFolder', 'syncFolder'])
  }

  #timed<T extends FileLayer | LocalFile>(whole: T, slow: readonly string[]): T {
    return new Proxy(whole, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        const call = value.bind(target) as (...words: unknown[]) => unknown
        if (name === 'open') return async (...words: unknown[]) => this.#file(await call(...words))
        if (!slow.includes(name as string)) return call
        return async (...words: unknown[]) => {
          await this.#pass()
          return call(...words)
        }
      },
    })
  }

  #file(file: unknown): LocalFile {
    return this.#timed(file as LocalFile, ['write', 'append', 'truncate', 'datasync'])
  }
}
