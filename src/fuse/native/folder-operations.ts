/** Listing of folders. */
import { Errno } from '../../base/errno.ts'
import { andThen } from '../../base/maybe-promise.ts'
import { FsError } from '../../core/errors.ts'
import { ROOT_INO, type Dirent, type Entry } from '../../core/types.ts'
import { MAX_WRITE_BYTES, OpenReplyFlag } from './abi.ts'
import type { Answer, Handlers, OperationParts } from './answer.ts'
import { DirentPacker, fromKernelCookie, maxEntries } from './encode-dirents.ts'
import { encodeDone, encodeHeader, encodeOpened } from './encode.ts'
import type { RequestContext } from './request-context.ts'
import type { Window } from './requests.ts'

type FolderOp = 'opendir' | 'readdir' | 'readdirplus' | 'releasedir' | 'fsyncdir'

export function folderOperations(parts: OperationParts): Handlers<FolderOp> {
  const { fileSystem, handles } = parts
  return {
    opendir: (_request, context) =>
      andThen(fileSystem.opendir(context.ino, context), ({ fh, keepCache }) => {
        handles.addFolder(fh)
        // The kernel keeps the names it is given, and shows those of the last time only where it may.
        const flags = OpenReplyFlag.CACHE_DIR | (keepCache ? OpenReplyFlag.KEEP_CACHE : 0)
        const undo = () => void handles.releaseFolder(fh)
        return { encode: () => encodeOpened(context.unique, fh, flags), undo }
      }),
    readdir({ fh, offset, sizeBytes }, context) {
      const page = startPage(context, { fh, offset, sizeBytes }, false)
      const asked = fileSystem.readdir(fh, page.cookie, context, maxEntries(sizeBytes, false))
      return andThen(asked, (names) => {
        for (const dirent of names) if (!page.packer.add(dirent)) break
        return pageAnswer(context, page.packer, names.length)
      })
    },
    readdirplus({ fh, offset, sizeBytes }, context) {
      const page = startPage(context, { fh, offset, sizeBytes }, true)
      const asked = fileSystem.readdirPlus(fh, page.cookie, context, maxEntries(sizeBytes, true))
      return andThen(asked, (found) => {
        const undo = packEntries(parts, page.packer, found)
        try {
          return { ...pageAnswer(context, page.packer, found.length), undo }
        } catch (error) {
          undo()
          throw error
        }
      })
    },
    releasedir: ({ fh }, { unique }) =>
      andThen(handles.releaseFolder(fh), () => ({ encode: () => encodeDone(unique) })),
    async fsyncdir({ fh }, context) {
      await fileSystem.fsyncdir(fh, context)
      return { encode: () => encodeDone(context.unique) }
    },
  }
}

interface Page {
  readonly packer: DirentPacker
  /** The filesystem's position to go on from. */
  readonly cookie: number
}

/** The parent's number is not known here, and matters to nobody. */
function startPage({ ino }: RequestContext, { offset, sizeBytes }: Window, plus: boolean): Page {
  const packer = new DirentPacker(Math.min(sizeBytes, MAX_WRITE_BYTES), plus)
  const { cookie, dots } = fromKernelCookie(offset)
  for (const dot of dots) packer.addDot(dot, dot === '.' ? ino : ROOT_INO)
  return { packer, cookie }
}

/** What has no room is asked for again: its look-ups are taken back. Answers what takes back all others. */
function packEntries(
  { modes, forget }: OperationParts,
  packer: DirentPacker,
  found: readonly (Dirent & { entry: Entry })[],
): () => void {
  let fitting = 0
  for (const dirent of found) {
    if (!packer.add(dirent, dirent.entry)) break
    modes.note(dirent.entry.ino, dirent.entry.attr)
    fitting += 1
  }
  const forgetFrom = (start: number, end: number) => forget(found.slice(start, end).map(({ entry }) => entry))
  forgetFrom(fitting, found.length)
  return () => forgetFrom(0, fitting)
}

/** An empty page would mean the end. */
function pageAnswer({ unique }: RequestContext, { bytes }: DirentPacker, foundCount: number): Answer {
  if (bytes.length === 0 && foundCount > 0) throw new FsError(Errno.EINVAL, 'no room for a single name')
  return { encode: () => encodeHeader(unique, bytes.length), body: bytes }
}
