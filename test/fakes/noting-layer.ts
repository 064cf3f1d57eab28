import type { FileLayer, LocalFile } from '../../src/base/file-layer.ts'

/** `layer`, which adds to `files` whatever is opened. */
export function notingLayer(layer: FileLayer, files: LocalFile[]): FileLayer {
  return new Proxy(layer, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const call = value.bind(target) as (...words: unknown[]) => unknown
      if (name !== 'open') return call
      return async (...words: unknown[]) => {
        const file = (await call(...words)) as LocalFile
        files.push(file)
        return file
      }
    },
  })
}
