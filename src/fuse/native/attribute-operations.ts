/** Attributes, extended attributes, and what a symbolic link and the whole drive say. */
import { Errno } from '../../base/errno.ts'
import { andThen } from '../../base/maybe-promise.ts'
import { FsError } from '../../core/errors.ts'
import type { AttrChanges, AttrReply } from '../../core/types.ts'
import type { Answer, Handlers, OperationParts } from './answer.ts'
import { encodeAttr, encodeCount, encodeDone, encodeHeader, encodeStatfs } from './encode.ts'
import { encodeStatx } from './encode-statx.ts'
import type { RequestContext } from './request-context.ts'

type AttributeOp = 'getattr' | 'statx' | 'setattr' | 'readlink' | 'statfs'
type XattrOp = 'getxattr' | 'listxattr' | 'setxattr' | 'removexattr'

export function attributeOperations(parts: OperationParts): Handlers<AttributeOp> {
  const { fileSystem, modes } = parts
  const attrAnswer = ({ ino, unique }: RequestContext, reply: AttrReply): Answer => {
    modes.note(ino, reply.attr)
    return { encode: () => encodeAttr(unique, reply) }
  }
  return {
    getattr: ({ fh }, context) =>
      andThen(fileSystem.getattr(context.ino, fh, context), (reply) => attrAnswer(context, reply)),
    statx: ({ fh }, context) =>
      andThen(fileSystem.getattr(context.ino, fh, context), (reply) => {
        modes.note(context.ino, reply.attr)
        return { encode: () => encodeStatx(context.unique, reply) }
      }),
    async setattr({ changes, fh, killSuidGid }, context) {
      // A new owner always costs a file its set-id bits; the kernel asks for it by name only when the size changes.
      const kills = killSuidGid || changes.uid !== undefined || changes.gid !== undefined
      const mode = kills && changes.mode === undefined ? modes.withoutSetId(context.ino) : undefined
      const all: AttrChanges = mode === undefined ? changes : { ...changes, mode }
      return attrAnswer(context, await fileSystem.setattr(context.ino, all, fh, context))
    },
    async readlink(_request, context) {
      const target = Buffer.from(await fileSystem.readlink(context.ino, context))
      return bytesAnswer(context, target)
    },
    async statfs(_request, context) {
      const statfs = await fileSystem.statfs(context)
      return { encode: () => encodeStatfs(context.unique, statfs) }
    },
  }
}

export function xattrOperations({ fileSystem }: OperationParts): Handlers<XattrOp> {
  return {
    async getxattr({ name, roomBytes }, context) {
      return fittingAnswer(context, await fileSystem.getxattr(context.ino, name, context), roomBytes)
    },
    async listxattr({ roomBytes }, context) {
      const names = await fileSystem.listxattr(context.ino, context)
      return fittingAnswer(context, Buffer.from(names.map((name) => `${name}\0`).join('')), roomBytes)
    },
    async setxattr({ name, value, mode }, context) {
      await fileSystem.setxattr(context.ino, name, value, mode, context)
      return { encode: () => encodeDone(context.unique) }
    },
    async removexattr({ name }, context) {
      await fileSystem.removexattr(context.ino, name, context)
      return { encode: () => encodeDone(context.unique) }
    },
  }
}

/** The bytes, or only how many when the program has no room for any: it asks so first. */
function fittingAnswer(context: RequestContext, bytes: Uint8Array, roomBytes: number): Answer {
  if (roomBytes === 0) return { encode: () => encodeCount(context.unique, bytes.length) }
  if (bytes.length > roomBytes) {
    throw new FsError(Errno.ERANGE, `${bytes.length} bytes do not fit the program's ${roomBytes}`)
  }
  return bytesAnswer(context, bytes)
}

function bytesAnswer({ unique }: RequestContext, body: Uint8Array): Answer {
  return { encode: () => encodeHeader(unique, body.length), body }
}
