export type { EndingLedger, EndingSession } from './abandoned-sessions.ts'
export type { ReadBase } from './content-parts.ts'
export type { FileContent } from './file-content.ts'
export type { Lendings } from './lendings.ts'
export type { LostFile } from './lost-and-found.ts'
export type {
  Attempt,
  BaseEntity,
  ContentOwner,
  KnownFile,
  PendingUpload,
  Stray,
  SyncState,
  UploadFailure,
  WriteRemote,
} from './types.ts'
export { wasSent } from './conflict.ts'
export { conflictName } from './conflict-name.ts'
export type { RecoveredFile } from './staging-store.ts'
export type { QuotaGuard } from './quota-guard.ts'
export { WriteBack } from './write-back.ts'
export type { DrainOptions, DrainProgress, WriteBackOptions } from './write-back.ts'
export type { Outage, Pass } from './outage.ts'
export { mayHaveBeenDone } from './failure.ts'
