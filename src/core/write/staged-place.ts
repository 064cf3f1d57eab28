import type { FileLayer } from '../../base/file-layer.ts'
import type { Log } from '../../base/log.ts'
import type { SharedWork } from '../../base/shared-work.ts'

/** Where a staged content lies on the local disk. */
export interface StagedPlace {
  readonly layer: FileLayer
  readonly log: Log
  readonly folder: string
  /** Makes the names in the folder survive power loss. */
  readonly names: SharedWork
  /** Of this start of the machine. */
  readonly bootId: string
  /** Names the files of this content: `<id>.data`, `<id>.side`, `<id>.kept`. */
  readonly id: string
  /** Number of changes that the content had seen before: it goes on from there. */
  readonly changes: number
}
