import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { AbandonedSessions } from './abandoned-sessions.ts'
import type { BackgroundLine } from './background-parts.ts'
import type { KeepUploaded } from './keep-uploaded.ts'
import type { Lendings } from './lendings.ts'
import type { QuotaGuard } from './quota-guard.ts'
import type { ServerCopies } from './server-copy.ts'
import type { StagingRoom } from './staging-room.ts'
import type { UploadFailure, WriteRemote } from './types.ts'
import type { UploadQueue } from './upload-queue.ts'

/** What all contents of one mount share. */
export interface WriteEnvironment {
  readonly remote: WriteRemote
  readonly queue: UploadQueue
  readonly quota: QuotaGuard
  readonly room: StagingRoom
  readonly abandoned: AbandonedSessions
  readonly keepUploaded: KeepUploaded
  readonly copies: ServerCopies
  readonly lendings: Lendings
  /** On which comes what nobody waits for. */
  readonly background: BackgroundLine
  readonly clock: Clock
  readonly log: Log
  /** From the release of the last writable handle to the upload, ms. */
  readonly quietMs: number
  /** A file that stays open for writing is sent at intervals, not only when a program asks for it. */
  readonly isSentOpen: boolean
  /** Names conflict copies. */
  readonly hostName: string
  readonly random: () => number
  readonly onFailed: (failure: UploadFailure) => void
  /** A file's number of sent bytes, or its state, changed. */
  readonly onProgress: () => void
  /** Called whenever the server has taken something, of whatever file: who waits for it need not lose patience. */
  readonly onTaken: Set<() => void>
}
