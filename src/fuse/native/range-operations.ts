/** Copying, seeking and making room in open files. */
import type { Handlers, OperationParts } from './answer.ts'
import { encodeDone, encodeOffset } from './encode.ts'
import { dropSetIdUnlessRoot } from './set-id.ts'

export function rangeOperations(parts: OperationParts): Handlers<'copyrange' | 'seek' | 'fallocate'> {
  const { fileSystem } = parts
  return {
    async copyrange({ from, to, toIno, length }, context) {
      const copied = await fileSystem.copyRange(from, to, length, context)
      await dropSetIdUnlessRoot(parts, toIno, context)
      return { encode: () => encodeOffset(context.unique, copied) }
    },
    async seek({ fh, offset, target }, context) {
      const found = await fileSystem.seek(fh, offset, target, context)
      return { encode: () => encodeOffset(context.unique, found) }
    },
    async fallocate({ fh, allocation }, context) {
      await fileSystem.allocate(fh, allocation, context)
      await dropSetIdUnlessRoot(parts, context.ino, context)
      return { encode: () => encodeDone(context.unique) }
    },
  }
}
