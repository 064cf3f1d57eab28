import type { Remote } from '../../src/remote/remote.ts'

/** The connection of one process, which ends with it. */
export interface MortalRemote {
  readonly remote: Remote
  /** What was asked goes on at the server; nobody hears an answer, and nothing is asked any more. */
  cut(): void
}

export function mortalRemote(whole: Remote): MortalRemote {
  let isCut = false
  const heard = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      const result = await answer
      return isCut ? await never<T>() : result
    } catch (error) {
      if (isCut) return never<T>()
      throw error
    }
  }
  const remote = new Proxy(whole, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...words: unknown[]) => {
        if (isCut) return never()
        const answer: unknown = value.apply(target, words)
        if (answer instanceof Promise) return heard(answer)
        return isPages(answer) ? heardPages(answer, heard) : answer
      }
    },
  })
  return {
    remote,
    cut: () => {
      isCut = true
    },
  }
}

async function* heardPages<T>(
  pages: AsyncIterable<T>,
  heard: <R>(answer: Promise<R>) => Promise<R>,
): AsyncGenerator<T> {
  const iterator = pages[Symbol.asyncIterator]()
  for (;;) {
    const { done, value } = await heard(iterator.next())
    if (done) return
    yield value
  }
}

function isPages(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined)
}
