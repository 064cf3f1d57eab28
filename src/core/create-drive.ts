/** Puts the filesystem of one drive together, and takes it apart in order. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { waitUnlessAborted, type Clock } from '../base/clock.ts'
import { Errno } from '../base/errno.ts'
import type { Log } from '../base/log.ts'
import type { Remote } from '../remote/remote.ts'
import { FsError } from './errors.ts'
import {
  CloudreveFileSystem,
  FolderLocks,
  FolderMoves,
  LocalTimes,
  SeenVersions,
  TimesFile,
  discardContent,
  pinned,
  viewOf,
  type Core,
  type FileSystemOptions,
} from './filesystem/index.ts'
import { NodeTable, type Node } from './inode/index.ts'
import { toPosixName, toServerName } from './names/index.ts'
import { Patience, defaultPatience, type PatienceOptions } from './patience.ts'
import { noKernelCache, type FileSystem, type KernelCache } from './ports.ts'
import { ContentReaders, MemoryBudget, rememberUploads } from './read/index.ts'
import { FolderCache, Tree } from './tree/index.ts'
import type { OpContext } from './types.ts'
import { WriteBack, type DrainOptions, type UploadFailure, type WriteRemote } from './write/index.ts'
import { Facts, type FileView, type ListFacts } from './xattr/index.ts'

export interface CreateOptions {
  readonly remote: Remote
  /** Unsent bytes and exact times are kept here: a folder that survives the process, for one account. */
  readonly stateFolder: string
  readonly clock: Clock
  readonly log: Log
  /** For names of conflict copies. */
  readonly hostName: string
  readonly kernel?: KernelCache
  readonly patience?: PatienceOptions
  readonly settings?: Partial<CoreSettings>
}

export interface CoreSettings extends FileSystemOptions {
  /** How long a listing is believed, ms. */
  readonly metadataTtlMs: number
  /** Objects whose metadata is kept in memory. */
  readonly metadataEntries: number
  /** Memory for file content that was read, bytes, for the whole process. */
  readonly readMemoryBytes: number
  /** How long after the last writer closed a file its upload starts, ms. */
  readonly quietMs: number
  /** Uploads at the same time. */
  readonly uploadConcurrency: number
  readonly listFacts: ListFacts
}

export const defaultSettings: CoreSettings = {
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  fileMode: 0o644,
  folderMode: 0o755,
  entryTtlMs: 1_000,
  attrTtlMs: 1_000,
  readOnly: false,
  renameDelayMs: 1_000,
  metadataTtlMs: 30_000,
  metadataEntries: 500_000,
  readMemoryBytes: 256 * 1024 * 1024,
  quietMs: 500,
  uploadConcurrency: 4,
  listFacts: 'auto',
}

export type DiscardOutcome = 'discarded' | 'nothing to discard' | 'still tried' | 'open'

/** A filesystem and what its process needs of it beside the kernel's operations. */
export class Drive {
  readonly fileSystem: FileSystem
  readonly writeBack: WriteBack
  readonly facts: Facts
  readonly #core: Core
  readonly #times: TimesFile
  readonly #settle: (signal: AbortSignal | undefined) => Promise<void>
  readonly #settleNames: (node: Node) => Promise<void>
  readonly #stop: () => void

  constructor(parts: { fileSystem: CloudreveFileSystem; core: Core; facts: Facts; times: TimesFile }) {
    this.fileSystem = parts.fileSystem
    this.#settle = (signal) => waitUnlessAborted(parts.fileSystem.settle(), signal)
    this.#settleNames = (node) => parts.fileSystem.settleNames(node)
    this.#stop = () => parts.fileSystem.close()
    this.#core = parts.core
    this.writeBack = parts.core.writeBack
    this.facts = parts.facts
    this.#times = parts.times
  }

  /**
   * The view of a path below the mountpoint, as programs name it, after the server has heard of every rename in it that
   * waits: who asks for a file by its name wants to see what he did a moment ago.
   *
   * @throws {FsError} ENOENT
   */
  async view(names: readonly string[], signal?: AbortSignal): Promise<FileView> {
    const node = await this.#node(names, signal)
    return pinned(this.#core, [node], async () => {
      await this.#settleNames(node)
      return viewOf(node)
    })
  }

  /**
   * Tries an upload that was given up, or that waits, again at once; false when there is nothing to send.
   * @throws {FsError} ENOENT
   */
  async retryUpload(names: readonly string[], signal?: AbortSignal): Promise<boolean> {
    const node = await this.#node(names, signal)
    const isDirty = node.content?.isDirty === true
    if (isDirty) node.content?.retry()
    this.#core.tree.table.release(node)
    return isDirty
  }

  /**
   * Drops the changes of an upload that was given up: the file is what the server has, and a new one is gone. Only while
   * no program has it open.
   * @throws {FsError} ENOENT
   */
  async discardUpload(names: readonly string[], context: OpContext): Promise<DiscardOutcome> {
    const node = await this.#node(names, context.signal)
    return pinned(this.#core, [node], async () => {
      if (!node.content?.failure) return node.content?.isDirty ? 'still tried' : 'nothing to discard'
      if (node.handles > 0) return 'open'
      const { place } = node
      if (node.entry || !place) await discardContent(node)
      else await this.fileSystem.unlink(place.parent.ino, toPosixName(place.name), context)
      return 'discarded'
    })
  }

  async #node(names: readonly string[], signal?: AbortSignal): Promise<Node> {
    let node: Node = this.#core.tree.table.root
    for (const name of names) {
      const child: Node | undefined = await this.#core.tree.child(node, toServerName(name), signal)
      if (!child) throw new FsError(Errno.ENOENT, `${names.join('/')}: no such file or folder`)
      node = child
    }
    return node
  }

  /** Sends everything that waits. What fails for good stays in the staging folder: that is the answer. */
  async drain(options: DrainOptions = {}): Promise<readonly UploadFailure[]> {
    await this.#settle(options.signal)
    const failures = await this.writeBack.drain(options)
    await this.#settle(options.signal)
    return failures
  }

  /** Nodes that are kept, and those of them that the kernel refers to; the top folder aside. For tests of leaks. */
  get nodeCounts(): { kept: number; held: number } {
    const { table } = this.#core.tree
    return { kept: table.size - 1, held: table.heldCount }
  }

  checkInvariants(): void {
    this.#core.tree.table.checkInvariants()
  }

  async close(): Promise<void> {
    this.#stop()
    await this.writeBack.close()
    await this.#times.close()
    await this.#core.remote.close()
  }
}

/** @throws {RemoteError} when the drive's top folder cannot be listed. */
export async function createDrive(options: CreateOptions): Promise<Drive> {
  const settings = { ...defaultSettings, ...options.settings }
  const { remote, clock, log, hostName } = options
  const patience = new Patience(clock, log, options.patience ?? defaultPatience)
  const { metadataTtlMs: ttlMs, metadataEntries: maxEntries } = settings
  const folders = new FolderCache({ remote, clock, patience, ttlMs, maxEntries })
  const root = await folders.loadRoot(remote.facts.origin)
  const kernel = options.kernel ?? noKernelCache
  const tree = new Tree({ table: new NodeTable(root.folder), folders, kernel, clock })
  const { quietMs, uploadConcurrency: concurrency } = settings
  const stagingFolder = join(options.stateFolder, 'staging')
  await mkdir(stagingFolder, { recursive: true, mode: 0o700 })
  const times = await TimesFile.open(join(options.stateFolder, 'times.jsonl'), log)
  const budget = new MemoryBudget(settings.readMemoryBytes)
  const readers = new ContentReaders({ remote, budget, clock, log })
  const core: Core = {
    remote,
    tree,
    writeBack: await WriteBack.create({
      remote: rememberingRemote(remote, readers),
      stagingFolder,
      clock,
      log,
      quietMs,
      concurrency,
      hostName,
    }),
    readers,
    patience,
    times: new LocalTimes(times.known, times.file),
    seen: new SeenVersions(),
    kernel,
    clock,
    log,
    options: settings,
    folderLocks: new FolderLocks(),
    folderMoves: new FolderMoves(),
    hostName,
  }
  if (remote.facts.capacity) core.writeBack.learnCapacity(remote.facts.capacity)
  const facts = new Facts({ remote, clock, listFacts: settings.listFacts })
  return new Drive({
    core,
    facts,
    fileSystem: new CloudreveFileSystem(core, facts),
    times: times.file,
  })
}

/** The write path's view of the server: what it uploads may be read at once. */
function rememberingRemote(remote: Remote, readers: ContentReaders): WriteRemote {
  return {
    facts: remote.facts,
    info: (...call) => remote.info(...call),
    infoById: (...call) => remote.infoById(...call),
    readRange: (...call) => remote.readRange(...call),
    capacity: (...call) => remote.capacity(...call),
    cancelUpload: (...call) => remote.cancelUpload(...call),
    upload: rememberUploads(
      (...call) => remote.upload(...call),
      (entity, bytes) => readers.remember(entity, bytes),
    ),
  }
}
