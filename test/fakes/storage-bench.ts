import { expect } from 'vitest'
import { ApiClient } from '../../src/api/client.ts'
import { createUploadSession } from '../../src/api/endpoints/uploads.ts'
import type { WireUploadSession } from '../../src/api/schema.ts'
import { passwordSession } from '../../src/auth/session.ts'
import { startServer, type EmbeddedServer, type ServerOptions } from '../../src/server/index.ts'
import { StorageClient } from '../../src/transfer/storage-client.ts'
import type { ContentUpload, DoneChunk } from '../../src/transfer/upload/content-upload.ts'
import { sendContent } from '../../src/transfer/upload/send-content.ts'
import { ImpatientClock } from './impatient-clock.ts'
import { bytesSource } from './scripted-remote.ts'

/** Small, so that a few kilobytes make several chunks. */
export const CHUNK_BYTES = 1000

/** Uploads to the storage of an embedded server, without the adapter that would start them over. */
export class StorageBench {
  readonly server: EmbeddedServer
  readonly clock: ImpatientClock
  readonly client: ApiClient
  readonly storage: StorageClient
  readonly #signOut: () => Promise<void>

  private constructor(
    server: EmbeddedServer,
    parts: { clock: ImpatientClock; client: ApiClient; signOut: () => Promise<void> },
  ) {
    this.server = server
    this.clock = parts.clock
    this.client = parts.client
    this.storage = new StorageClient({ client: parts.client })
    this.#signOut = parts.signOut
  }

  static async start(options: ServerOptions): Promise<StorageBench> {
    const clock = new ImpatientClock({ startMs: Date.now() })
    const server = await startServer({ clock, chunkSizeBytes: CHUNK_BYTES, chunkConcurrency: 3, ...options })
    const { url: origin, email, password } = server
    const session = await passwordSession(origin, { email, password }, { clock })
    const { tokenSource: tokens, serverClock } = session
    const client = new ApiClient({ origin, clock, tokens, serverClock })
    server.requests.clear()
    return new StorageBench(server, { clock, client, signOut: () => session.close() })
  }

  open(path: string, sizeBytes: number): Promise<WireUploadSession> {
    return createUploadSession(this.client, `cloudreve://my${path}`, {
      sizeBytes,
      previous: '',
      modifiedAtMs: undefined,
      metadata: undefined,
    })
  }

  send(session: WireUploadSession, bytes: Uint8Array, more: Partial<ContentUpload> = {}): Promise<void> {
    const { client, storage } = this
    return sendContent({ client, storage, session, source: bytesSource(bytes), ...more })
  }

  /** The process ends when the storage has taken the first `count` chunks: answers which. */
  async sendFirst(session: WireUploadSession, bytes: Uint8Array, count: number): Promise<DoneChunk[]> {
    const done: DoneChunk[] = []
    const stop = new AbortController()
    const onChunkDone = (chunk: DoneChunk) => {
      done.push(chunk)
      if (done.length === count) stop.abort(new Error('the process ends'))
    }
    await expect(this.send(session, bytes, { onChunkDone, signal: stop.signal })).rejects.toThrow('ends')
    this.server.requests.clear()
    return done
  }

  /** Present content of a file; empty until its upload is complete. */
  read(path: string): Promise<Buffer> {
    return this.server.admin.read(path)
  }

  async stop(): Promise<void> {
    this.server.faults.clear()
    await Promise.all([this.client.close(), this.#signOut()])
    this.storage.close()
    await this.server.close()
  }
}
