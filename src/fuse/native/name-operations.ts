/** Everything about names: looking them up, making, removing and moving them. */
import { andThen, orElse } from '../../base/maybe-promise.ts'
import { NoSuchNameError } from '../../core/errors.ts'
import type { Entry } from '../../core/types.ts'
import type { Answer, Handlers, OperationParts } from './answer.ts'
import { encodeDone, encodeEntry, encodeNegativeEntry } from './encode.ts'
import type { RequestContext } from './request-context.ts'

type NameOp = 'lookup' | 'mknod' | 'mkdir' | 'symlink' | 'link' | 'unlink' | 'rmdir' | 'rename'

export function nameOperations(parts: OperationParts): Handlers<NameOp> {
  const { fileSystem } = parts
  return {
    lookup: ({ name }, context) =>
      orElse(
        () =>
          andThen(fileSystem.lookup(context.ino, name, context), (entry) =>
            entryAnswer(parts, context, entry),
          ),
        (error) => {
          const trustMs = error instanceof NoSuchNameError ? Math.min(error.trustMs, parts.negativeTtlMs) : 0
          if (trustMs <= 0) throw error
          return { encode: () => encodeNegativeEntry(context.unique, trustMs) }
        },
      ),
    mknod: async ({ name, mode }, context) =>
      entryAnswer(parts, context, await fileSystem.mknod(context.ino, name, mode, context)),
    mkdir: async ({ name, mode }, context) =>
      entryAnswer(parts, context, await fileSystem.mkdir(context.ino, name, mode, context)),
    symlink: async ({ name, target }, context) =>
      entryAnswer(parts, context, await fileSystem.symlink(context.ino, name, target, context)),
    link: async ({ existing, name }, context) =>
      entryAnswer(parts, context, await fileSystem.link(existing, context.ino, name, context)),
    async unlink({ name }, context) {
      await fileSystem.unlink(context.ino, name, context)
      return { encode: () => encodeDone(context.unique) }
    },
    async rmdir({ name }, context) {
      await fileSystem.rmdir(context.ino, name, context)
      return { encode: () => encodeDone(context.unique) }
    },
    async rename({ name, newParent, newName, flags }, context) {
      const from = { parent: context.ino, name }
      await fileSystem.rename(from, { parent: newParent, name: newName }, flags, context)
      return { encode: () => encodeDone(context.unique) }
    },
  }
}

function entryAnswer(parts: OperationParts, { unique }: RequestContext, entry: Entry): Answer {
  parts.modes.note(entry.ino, entry.attr)
  return { encode: () => encodeEntry(unique, entry), undo: () => parts.forget([entry]) }
}
