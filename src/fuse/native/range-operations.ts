/** Copying, seeking and making room in open files. */
import type { Handlers, OperationParts } from './answer.ts'
import { encodeDone, encodeOffset } from './encode.ts'

export function rangeOperations({
  fileSystem,
}: OperationParts): Handlers<'copyrange' | 'seek' | 'fallocate'> {
  return {
    copyrange: async ({ from, to, length }, context) => ({
      message: encodeOffset(context.unique, await fileSystem.copyRange(from, to, length, context)),
    }),
    seek: async ({ fh, offset, target }, context) => ({
      message: encodeOffset(context.unique, await fileSystem.seek(fh, offset, target, context)),
    }),
    async fallocate({ fh, allocation }, context) {
      await fileSystem.allocate(fh, allocation, context)
      return { message: encodeDone(context.unique) }
    },
  }
}
