import { Errno } from '../../base/errno.ts'
import { FsError } from '../errors.ts'
import type { WriteEnvironment } from './environment.ts'
import type { StagedFile } from './staged-file.ts'
import type { StagingStore } from './staging-store.ts'
import type { BaseEntity, ContentOwner, Lender } from './types.ts'

/** Delivers `[start, end)` of the base. */
export type ReadBase = (start: number, end: number) => Promise<Uint8Array>

export interface ContentBytesParts {
  readonly owner: ContentOwner
  readonly base: { readonly entity: BaseEntity; readonly sizeBytes: number }
  readonly store: StagingStore
  readonly environment: WriteEnvironment
  /** Throws when no change is to be taken now. */
  readonly beforeChange: () => void
  readonly onChanged: () => void
  /** There are changes now, or there are none any more. */
  readonly onDirty: (isDirty: boolean) => void
  /** The content of another file shows here than before, or of none any more. */
  readonly onLender: (lender: Lender | undefined, former: Lender | undefined) => void
  /** The content does not go on beside any more: the name shows the server's version. */
  readonly onRejoined: () => void
}

/** @throws {FsError} EINTR */
export function throwIfInterrupted(signal: AbortSignal | undefined, label: string): void {
  if (signal?.aborted) throw new FsError(Errno.EINTR, `${label}: the program stopped waiting`)
}

/** How bytes are changed. */
export interface ChangeOptions {
  readonly signal?: AbortSignal | undefined
  /** On the drive. */
  readonly needsRoom?: boolean
}

/** A change without one. */
export const touch = (staged: StagedFile, atMs: number): Promise<void> => Promise.resolve(staged.touch(atMs))
