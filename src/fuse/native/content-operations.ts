/** Opening, reading and writing of files. */
import { constants } from 'node:fs'
import { InvariantError } from '../../base/assert.ts'
import { andThen } from '../../base/maybe-promise.ts'
import type { Opened } from '../../core/types.ts'
import { OpenReplyFlag } from './abi.ts'
import { SENT, type Handlers, type OperationParts } from './answer.ts'
import { encodeCount, encodeCreated, encodeDone, encodeHeader, encodeOpened } from './encode.ts'
import { dropSetId } from './set-id.ts'

type ContentOp = 'open' | 'create' | 'read' | 'write' | 'flush' | 'fsync' | 'release'

export function contentOperations(parts: OperationParts): Handlers<ContentOp> {
  return { ...openingOperations(parts), ...streamOperations(parts) }
}

function openingOperations(parts: OperationParts): Handlers<'open' | 'create' | 'release'> {
  const { fileSystem, handles, modes, features } = parts
  return {
    open({ flags, killSuidGid }, context) {
      const usable = usableFlags(flags, features.writebackCache)
      return andThen(fileSystem.open(context.ino, usable, context), (opened) => {
        handles.addFile(opened.fh)
        const undo = () => void handles.releaseFile(opened.fh)
        const answer = {
          encode: () => encodeOpened(context.unique, opened.fh, replyFlags(opened, flags)),
          undo,
        }
        if (!killSuidGid) return answer
        return dropSetId(parts, context.ino, context).then(
          () => answer,
          (error: unknown) => {
            undo()
            throw error
          },
        )
      })
    },
    async create({ name, mode, flags, killSuidGid }, context) {
      const at = { parent: context.ino, name }
      const usable = usableFlags(flags, features.writebackCache)
      const { entry, opened } = await fileSystem.create(at, mode, usable, context)
      handles.addFile(opened.fh)
      modes.note(entry.ino, entry.attr)
      const undo = () => {
        parts.forget([entry])
        void handles.releaseFile(opened.fh)
      }
      try {
        if (killSuidGid) await dropSetId(parts, entry.ino, context)
      } catch (error) {
        undo()
        throw error
      }
      const reply = { fh: opened.fh, flags: replyFlags(opened, flags) }
      return { encode: () => encodeCreated(context.unique, entry, reply), undo }
    },
    release: ({ fh }, { unique }) =>
      andThen(handles.releaseFile(fh), () => ({ encode: () => encodeDone(unique) })),
  }
}

function streamOperations(parts: OperationParts): Handlers<'read' | 'write' | 'flush' | 'fsync'> {
  const { fileSystem } = parts
  return {
    read({ fh, offset, sizeBytes }, context) {
      const view = fileSystem.viewOf?.(fh, offset, sizeBytes)
      if (view) return { encode: () => encodeHeader(context.unique, view.length), body: view }
      const span = fileSystem.spanOf?.(fh, offset, sizeBytes)
      if (span && parts.sendSpan(encodeHeader(context.unique, span.length), span)) return SENT
      return andThen(fileSystem.read(fh, offset, sizeBytes, context), (body) => {
        // The sentence is made only where it is needed: it would cost each small read a tenth of its time.
        if (body.length > sizeBytes)
          throw new InvariantError(`${body.length} bytes were read where ${sizeBytes} were asked for`)
        return { encode: () => encodeHeader(context.unique, body.length), body }
      })
    },
    async write({ fh, offset, data, killSuidGid }, context) {
      const count = await fileSystem.write(fh, offset, data, context)
      if (killSuidGid) await dropSetId(parts, context.ino, context)
      return { encode: () => encodeCount(context.unique, count) }
    },
    flush: ({ fh }, context) =>
      andThen(fileSystem.flush(fh, context), () => ({ encode: () => encodeDone(context.unique) })),
    async fsync({ fh, dataOnly }, context) {
      await fileSystem.fsync(fh, dataOnly, context)
      return { encode: () => encodeDone(context.unique) }
    },
  }
}

/** With its writeback cache the kernel reads around what it writes, and itself knows where the end is. */
function usableFlags(flags: number, writebackCache: boolean): number {
  if (!writebackCache) return flags
  const access = flags & 3
  const readable = access === constants.O_WRONLY ? (flags & ~3) | constants.O_RDWR : flags
  return readable & ~constants.O_APPEND
}

/** A handle that only reads has nothing to say when it is closed: its FLUSH is saved. */
function replyFlags({ keepCache, directIo }: Opened, flags: number): number {
  return (
    (keepCache ? OpenReplyFlag.KEEP_CACHE : 0) |
    (directIo ? OpenReplyFlag.DIRECT_IO : 0) |
    ((flags & 3) === constants.O_RDONLY ? OpenReplyFlag.NOFLUSH : 0)
  )
}
