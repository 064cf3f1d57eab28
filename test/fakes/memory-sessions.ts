import { RemoteError } from '../../src/remote/errors.ts'
import type { EndableSession } from '../../src/remote/remote.ts'
import type { UploadRequest } from '../../src/remote/types.ts'
import { uriOf, type MemoryNode, type MemoryTree } from './memory-tree.ts'

/** An upload that holds a lock at a server in memory. */
export interface MemorySession {
  readonly node: MemoryNode
  readonly isNew: boolean
  readonly sizeBytes: number
  /** What was taken so far. */
  readonly bytes: Uint8Array
  /** Its client knows its id, and has it on record. */
  isHeard: boolean
}

export function newSession(node: MemoryNode, isNew: boolean, sizeBytes: number): MemorySession {
  return { node, isNew, sizeBytes, bytes: new Uint8Array(sizeBytes), isHeard: false }
}

/** A request that nobody has an answer to may still be worked on for so long, ms. */
const latestStartMs = 300_000

interface Sending {
  readonly chunkBytes: number
  readonly signal: AbortSignal | undefined
  readonly isOpen: () => boolean
  readonly call: (work: () => Promise<void>) => Promise<void>
}

/** Takes the chunks of `request` that were not taken in an earlier try. */
export async function sendChunks(
  { path, source, resume, onChunk, onProgress }: UploadRequest,
  { bytes }: MemorySession,
  { chunkBytes, signal, isOpen, call }: Sending,
): Promise<void> {
  const taken = new Set(resume?.chunks.map(({ index }) => index))
  const count = Math.max(1, Math.ceil(source.sizeBytes / chunkBytes))
  for (let index = 0; index < count; index += 1) {
    const start = index * chunkBytes
    const end = Math.min(start + chunkBytes, source.sizeBytes)
    if (!taken.has(index)) {
      await call(async () => {
        if (signal?.aborted) throw new RemoteError('aborted', `${path.join('/')}: the upload was cut`)
        if (!isOpen()) throw new RemoteError('server', `${path.join('/')}: the session is gone`)
        bytes.set(await source.read(start, end), start)
      })
      onChunk?.({ index, etag: undefined })
    }
    onProgress?.(end)
  }
}

/** One that was only asked for is found by its path and size. As `RemoteContent.cancelUpload`. */
export function endSession(
  sessions: Map<string, MemorySession>,
  { tree, now }: { readonly tree: MemoryTree; readonly now: () => number },
  wanted: EndableSession,
): boolean {
  const isMeant = ([id, { node, sizeBytes, isHeard }]: [string, MemorySession]) =>
    'id' in wanted
      ? id === wanted.id
      : !isHeard && uriOf(tree.pathOf(node)) === wanted.uri && sizeBytes === wanted.sizeBytes
  const [id, found] = [...sessions].find(isMeant) ?? []
  if (id === undefined || !found) return 'id' in wanted || now() > wanted.askedAtMs + latestStartMs
  sessions.delete(id)
  found.node.sessionId = undefined
  if (found.isNew) tree.detach(found.node)
  return true
}
