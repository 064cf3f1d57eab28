import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Remote } from '../../remote/remote.ts'
import type { NodeTable } from '../inode/index.ts'
import type { Patience } from '../patience.ts'
import type { KernelCache } from '../ports.ts'
import type { Reachability } from '../reachability.ts'
import type { FolderCache } from './folder-cache.ts'

export interface TreeOptions {
  readonly table: NodeTable
  readonly folders: FolderCache
  readonly kernel: KernelCache
  readonly remote: Pick<Remote, 'listSubtree' | 'changesSince' | 'now' | 'facts'>
  readonly patience: Patience
  readonly clock: Clock
  readonly log: Log
  readonly server: Reachability
  /** So many objects are walked over at once, at most. */
  readonly walkObjects: number
}

/** Who waits. The signal is taken only when somebody has to be asked: to make one costs more than most answers. */
export type Asker = { readonly signal?: AbortSignal | undefined }
