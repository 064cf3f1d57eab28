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
}

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

/** One that was only asked for is found by its path and size. */
export function endSession(
  sessions: Map<string, MemorySession>,
  tree: MemoryTree,
  wanted: EndableSession,
): void {
  const isMeant = ([id, { node, sizeBytes }]: [string, MemorySession]) =>
    'id' in wanted
      ? id === wanted.id
      : uriOf(tree.pathOf(node)) === wanted.uri && sizeBytes === wanted.sizeBytes
  const [id, found] = [...sessions].find(isMeant) ?? []
  if (id === undefined || !found) return
  sessions.delete(id)
  found.node.sessionId = undefined
  if (found.isNew) tree.detach(found.node)
}
