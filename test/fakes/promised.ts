import type { FileSystem } from '../../src/core/ports.ts'

/** What is not asked for with a promise. */
type Plain = 'forget' | 'spanOf' | 'viewOf' | 'close'

/** The same with a promise for every answer. */
export type Promised<F> = {
  [Name in keyof F]: F[Name] extends (...words: infer Words) => infer Result
    ? Name extends Plain
      ? F[Name]
      : (...words: Words) => Promise<Awaited<Result>>
    : F[Name]
}

const plain: ReadonlySet<PropertyKey> = new Set<Plain>(['forget', 'spanOf', 'viewOf', 'close'])

/** A filesystem may answer or throw at once; for who waits for everything anyway that is the same as later. */
export function promised<F extends FileSystem>(fileSystem: F): Promised<F> {
  return new Proxy(fileSystem, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const call = value.bind(target) as (...words: unknown[]) => unknown
      return plain.has(name) ? call : async (...words: unknown[]) => call(...words)
    },
  }) as Promised<F>
}
