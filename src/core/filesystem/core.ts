import type { Clock } from '../../base/clock.ts'
import { Errno } from '../../base/errno.ts'
import type { Log } from '../../base/log.ts'
import type { MaybePromise } from '../../base/maybe-promise.ts'
import { KeyedMutex } from '../../base/mutex.ts'
import type { Remote } from '../../remote/remote.ts'
import { FsError } from '../errors.ts'
import type { Node, NodePlace } from '../inode/index.ts'
import { toPosixName } from '../names/index.ts'
import type { Patience } from '../patience.ts'
import type { KernelCache } from '../ports.ts'
import type { Reachability } from '../reachability.ts'
import type { ContentReaders } from '../read/index.ts'
import type { Tree } from '../tree/index.ts'
import type { Ino } from '../types.ts'
import type { WriteBack } from '../write/index.ts'
import type { AskedRecord } from './asked-record.ts'
import type { AttributeCalls } from './attribute-calls.ts'
import type { ChangingCall, ChangingCalls } from './changing-calls.ts'
import type { ChangeTimes } from './change-times.ts'
import type { LocalTimes } from './local-times.ts'
import type { FolderMoves } from './folder-moves.ts'
import type { PendingStates } from './pending-states.ts'
import type { RefusedNames } from './refused-names.ts'
import type { SeenVersions } from './seen-versions.ts'
import type { SendingTimes } from './sending-times.ts'

/**
 * What programs wait for:
 * - `journal`: fsync and close, for the disk of this machine
 * - `fsync`: the same, and fsync for the server
 * - `close`: close, and every change of names, for the server as well
 */
export type SyncMode = 'journal' | 'fsync' | 'close'

export interface FileSystemOptions {
  readonly uid: number
  readonly gid: number
  /** Permission bits of files and folders that nobody changed. */
  readonly fileMode: number
  readonly folderMode: number
  readonly entryTtlMs: number
  readonly attrTtlMs: number
  readonly readOnly: boolean
  /** After the last deletion, and after the last writer of a file has closed it, the server hears of it so much later, ms. */
  readonly quietMs: number
  /** A rename of a file waits so long for what editors do next, ms. */
  readonly renameDelayMs: number
  readonly sync: SyncMode
  /** What was deleted is purged from the trash. */
  readonly deletePermanently: boolean
}

/** What the operations share. */
export interface Core {
  readonly remote: Omit<Remote, ChangingCall>
  /** What the server is asked to change. */
  readonly changing: ChangingCalls
  readonly tree: Tree
  readonly writeBack: WriteBack
  readonly readers: ContentReaders
  readonly patience: Patience
  readonly server: Reachability
  readonly times: LocalTimes
  readonly changes: ChangeTimes
  readonly seen: SeenVersions
  readonly pending: PendingStates
  readonly sending: SendingTimes
  readonly asked: Pick<AskedRecord, 'settled' | 'isSettling'>
  readonly refused: RefusedNames
  readonly kernel: KernelCache
  readonly clock: Clock
  readonly log: Log
  readonly options: FileSystemOptions
  readonly folderLocks: FolderLocks
  readonly folderMoves: FolderMoves
  readonly attributeCalls: AttributeCalls
  /** For names of conflict copies. */
  readonly hostName: string
}

/** Names of one folder change one after the other. Two folders are locked in the order of their numbers. */
export class FolderLocks {
  readonly #mutex = new KeyedMutex<Ino>()

  run<T>(folder: Node, section: () => Promise<T>): Promise<T> {
    return this.#mutex.run(folder.ino, section)
  }

  runBoth<T>(a: Node, b: Node, section: () => Promise<T>): Promise<T> {
    if (a === b) return this.run(a, section)
    const [first, second] = a.ino < b.ino ? [a, b] : [b, a]
    return this.run(first, () => this.run(second, section))
  }
}

export function assertWritable({ options }: Core, node: Node): void {
  if (options.readOnly) throw new FsError(Errno.EROFS, `${node.label}: mounted read-only`)
}

export function assertFolder(node: Node): void {
  if (!node.isFolder) throw new FsError(Errno.ENOTDIR, `${node.label} is not a folder`)
  if (node.isUnlinked) throw new FsError(Errno.ENOENT, `${node.label} was deleted`)
}

/**
 * What is written to such a node could not be saved. The kernel looks the name up again and finds what it stands for now.
 * @throws {FsError} ESTALE
 */
export function assertPresent(node: Node): void {
  if (node.isVanished)
    throw new FsError(Errno.ESTALE, `${node.label} was changed or deleted by somebody else`)
}

/**
 * Keeps nodes that nobody refers to yet while `work` uses them: what an operation found by name would be let go as soon as
 * something else that held it ends.
 */
export async function pinned<T>(
  { tree }: Core,
  nodes: readonly (Node | undefined)[],
  work: () => MaybePromise<T>,
): Promise<T> {
  const held = nodes.filter((node) => node !== undefined)
  for (const node of held) node.pins += 1
  try {
    return await work()
  } finally {
    for (const node of held) {
      node.pins -= 1
      tree.table.release(node)
    }
  }
}

/** Files in and below `folder` whose content is not sent yet. */
export function dirtyWithin({ tree }: Core, folder: Node): Node[] {
  return [...tree.table.nodes()].filter((node) => node.content?.isDirty && node.isWithin(folder))
}

/** @throws {FsError} ENOENT */
export async function requireChild(
  { tree }: Core,
  folder: Node,
  name: string,
  signal?: AbortSignal,
): Promise<Node> {
  const child = await tree.child(folder, name, { signal })
  if (!child) throw new FsError(Errno.ENOENT, `${folder.label}: no such name: ${name}`)
  return child
}

/** @throws {FsError} EEXIST */
export async function assertFree(
  { tree }: Core,
  folder: Node,
  name: string,
  signal?: AbortSignal,
): Promise<void> {
  const present = await tree.child(folder, name, { signal })
  if (!present) return
  const { label } = present
  tree.table.release(present)
  throw new FsError(Errno.EEXIST, `${label} exists already`)
}

/** A name came or went without any kernel's doing. */
export function tellKernels({ kernel }: Core, { parent, name }: NodePlace): void {
  kernel.expireEntry(parent.ino, toPosixName(name))
  kernel.invalidateInode(parent.ino)
}
