import type { RemoteEntry } from '../../remote/types.ts'
import type { Generation } from './generation.ts'
import type { BaseEntity, UploadSession } from './types.ts'

/** A file's content as its upload sees it. */
export interface Uploadable {
  readonly sizeBytes: number
  readonly isDirty: boolean
  /** Number of changes so far; only grows. */
  readonly changes: number
  /** What the upload is to replace. */
  readonly replaces: BaseEntity
  /** Brings every byte here that only the server has. */
  complete(signal: AbortSignal): Promise<void>
  freeze(): Promise<Generation>
  /** The frozen generation is not needed any more. */
  thaw(): Promise<void>
  /** The server has `generation` as `entry`; where nothing is newer, the name shows `shown` from now on. */
  confirm(generation: Generation, entry: RemoteEntry, shown: RemoteEntry): Promise<void>
  rebase(entity: BaseEntity): void
  noteSession(session: UploadSession | undefined): Promise<void>
}
