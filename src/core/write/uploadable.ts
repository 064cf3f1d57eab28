import type { RemoteEntry } from '../../remote/types.ts'
import type { CopySource } from './content-base.ts'
import type { Generation } from './generation.ts'
import type { BaseEntity } from './types.ts'
import type { UploadsOnRecord } from './uploads-on-record.ts'

export interface Confirmed {
  readonly entry: RemoteEntry
  readonly shown: RemoteEntry
}

/** A file's content as its upload sees it. */
export interface Uploadable {
  readonly sizeBytes: number
  readonly isDirty: boolean
  /** After a conflict: our line of changes goes on in the copy. */
  readonly isBeside: boolean
  /** Number of changes so far; only grows. */
  readonly changes: number
  /** What the upload is to replace. */
  readonly replaces: BaseEntity
  /** The file of which all of it is a copy, if the server may copy it. */
  readonly copyOf: CopySource | undefined
  /** The server does not: from now on `copyOf` is undefined. */
  refuseCopy(): void
  /** Brings every byte here that only the server has. */
  complete(signal: AbortSignal): Promise<void>
  freeze(): Promise<Generation>
  /** The frozen generation is not needed any more; `maybeSent`: the server may have it. */
  thaw(maybeSent: boolean): Promise<void>
  /**
   * The server has `generation` as `entry`. The name shows `shown`, which is another one after a conflict: as soon as nothing is
   * newer here and nobody has the file open for writing. `onShown` follows in the same step: nobody finds the content as it is then
   * and everything else as it was.
   */
  confirm(generation: Generation, entries: Confirmed, onShown: () => void): Promise<void>
  rebase(entity: BaseEntity): void
  readonly uploads: UploadsOnRecord
}
