import type { ApiClient } from '../../api/client.ts'
import type { WireUploadSession } from '../../api/schema.ts'
import type { ByteSource } from '../upload-source.ts'
import type { StorageClient } from '../storage-client.ts'

/** A chunk that the far side has taken. */
export interface DoneChunk {
  /** Counts from 0. */
  readonly index: number
  /** What the storage called it; object stores want to hear it again at the end. */
  readonly etag: string | undefined
}

/** The content of one upload session, on its way to where the session's storage policy wants it. */
export interface ContentUpload {
  readonly client: ApiClient
  readonly storage: StorageClient
  readonly session: WireUploadSession
  readonly source: ByteSource
  /** Taken in an earlier run of this session, with the very same bytes: not sent again. */
  readonly done?: readonly DoneChunk[] | undefined
  /** Called once a chunk, when it was taken. What it throws ends the upload. */
  readonly onChunkDone?: ((chunk: DoneChunk) => void) | undefined
  /** Bytes of the file that the far side has taken, or that are on their way; never falls. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}
