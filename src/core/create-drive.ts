/** Puts the filesystem of one drive together, and takes it apart in order. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { nodeFileLayer, type FileLayer } from '../base/file-layer.ts'
import { lockFolder } from '../base/folder-lock.ts'
import type { Log } from '../base/log.ts'
import type { Remote } from '../remote/remote.ts'
import type { FileId, RemoteEntry } from '../remote/types.ts'
import { ChangeFollower } from './changes/index.ts'
import { Drive } from './drive.ts'
import {
  AskedRecord,
  AttributeCalls,
  changingCalls,
  ChangeTimes,
  CloudreveFileSystem,
  FolderLocks,
  FolderMoves,
  LocalTimes,
  PendingStates,
  Pins,
  PinsFile,
  recordedRemote,
  RefusedNames,
  SeenVersions,
  SendingTimes,
  TimesFile,
  type Core,
  type FileSystemOptions,
  type LeftChange,
} from './filesystem/index.ts'
import type { InlineLimits } from './inline/index.ts'
import { NodeTable } from './inode/index.ts'
import type { Journal } from './journal/index.ts'
import { Patience, defaultPatience, type PatienceOptions } from './patience.ts'
import type { KernelCache } from './ports.ts'
import { Reachability } from './reachability.ts'
import type { DiskCache } from './cache/index.ts'
import type { Mirror } from './mirror/index.ts'
import { ContentReaders, MemoryBudget, rememberedBytes, rememberUploads } from './read/index.ts'
import { FolderCache, Tree } from './tree/index.ts'
import { KernelCaches } from './view/index.ts'
import { openJournal, openStaging, stagingFolder } from './unsent-state.ts'
import { WriteBack, type WriteBackOptions, type WriteRemote } from './write/index.ts'
import { Facts, type FactsDeps, type ListFacts } from './xattr/index.ts'

export interface CreateOptions {
  readonly remote: Remote
  /** Unsent bytes and exact times are kept here: a folder that survives the process, for one account. */
  readonly stateFolder: string
  readonly clock: Clock
  readonly log: Log
  /** For names of conflict copies. */
  readonly hostName: string
  /** Kernel that shows the top folder without a view of its own. */
  readonly kernel?: KernelCache
  /** Nobody is going to look into the top folder at once: a mount shows one further down. */
  readonly isTopUnlisted?: boolean
  readonly patience?: PatienceOptions
  readonly settings?: Partial<CoreSettings>
  /** Bytes a second that downloads are held to at the moment; 0 = not at all. */
  readonly downloadBytesPerSecond?: (() => number) | undefined
  /** Contents on the local disk, for all drives of the account; nowhere if left out. */
  readonly diskCache?: DiskCache | undefined
  /** What is known of the drive, on the local disk: of this drive alone; nothing if left out. */
  readonly mirror?: Mirror | undefined
  /** It was just found not to be reached. */
  readonly isServerAway?: boolean | undefined
  /** The disk cache takes room that what was written here could have. */
  readonly cacheSharesDisk?: boolean | undefined
  /** Where what was promised lies; the machine's own file system if left out. */
  readonly fileLayer?: FileLayer
  /** Which staged files lie in a log of their own; small ones by default. */
  readonly inlineLimits?: InlineLimits | undefined
  /** Of this start of the machine; asked for if left out. */
  readonly bootId?: string
  /** An upload was given up, or a new name, a rename or a deletion was refused: a person has to decide. */
  readonly onGivenUp?: ((change: LeftChange) => void) | undefined
}

export interface CoreSettings extends FileSystemOptions {
  /** How long a listing is believed while the server tells nothing of changes, ms. */
  readonly metadataTtlMs: number
  /** How long, where that is longer, while it does, ms. */
  readonly revalidateMs: number
  /** How often the server is asked for changes while it does not and the drive is in use, ms; 0 = never. */
  readonly pollMs: number
  /** A program waits for a server that is away, or does not answer, at most so long, ms. */
  readonly timeoutMs: number
  /** Objects whose metadata is kept in memory. */
  readonly metadataEntries: number
  /** So many objects are asked for at once where a program walks a tree, at most: some 50 MB while they come. */
  readonly walkObjects: number
  /** Memory for file content that was read, bytes, for the whole process. */
  readonly readMemoryBytes: number
  /** Uploads of small files at the same time, at most. */
  readonly uploadConcurrency: number
  /** What is not sent yet takes at most so many bytes of the local disk. */
  readonly stagingLimitBytes: number
  /** So many bytes of the local disk are left to others. */
  readonly stagingReserveBytes: number
  /** A start waits so long for what an earlier process may have asked the server for, ms; 0: that is not recorded, nor waited for. */
  readonly settleMs: number
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
  sync: 'journal',
  deletePermanently: false,
  metadataTtlMs: 30_000,
  revalidateMs: 300_000,
  pollMs: 10_000,
  timeoutMs: defaultPatience.deadlineMs,
  metadataEntries: 500_000,
  walkObjects: 100_000,
  readMemoryBytes: 256 * 1024 * 1024,
  quietMs: 500,
  uploadConcurrency: 32,
  stagingLimitBytes: Infinity,
  stagingReserveBytes: 0,
  settleMs: 10_000,
  listFacts: 'auto',
}

/**
 * @throws {RemoteError} when the drive's top folder cannot be listed
 * @throws {FolderInUseError} when another process has the drive
 */
export async function createDrive(options: CreateOptions): Promise<Drive> {
  await mkdir(options.stateFolder, { recursive: true, mode: 0o700 })
  const unlock = await lockFolder(options.stateFolder)
  try {
    return await openDrive(options, unlock)
  } catch (error) {
    await unlock()
    throw error
  }
}

async function openDrive(options: CreateOptions, unlock: () => Promise<void>): Promise<Drive> {
  const settings = { ...defaultSettings, ...options.settings }
  const { clock, log, hostName, stateFolder, mirror } = options
  const server = new Reachability(clock, options.isServerAway)
  const patience = openPatience(options, settings, server)
  const kernel = new KernelCaches()
  if (options.kernel) kernel.add(options.kernel)
  const tree = await openTree(options, { settings, patience, kernel, server })
  const disk = { layer: options.fileLayer ?? nodeFileLayer, log }
  const { journal, records, unsettled, isAsked, left } = await openJournal(stateFolder, disk)
  const asked = new AskedRecord({ journal, clock, log, settleMs: settings.settleMs, isFound: isAsked })
  const remote = recordedRemote(options.remote, asked)
  const times = await TimesFile.open(join(stateFolder, 'times.jsonl'), disk)
  const readers = openReaders(options, settings, tree)
  const pending = await openPending(journal, unsettled, mirror)
  const staging = await openStaging(options, disk.layer)
  const writeBack = await WriteBack.create({
    ...writeBackSettings(options, settings),
    fileLayer: staging,
    remote: rememberingRemote(remote, readers),
    ...left,
    onRemoved: (ids) => pending.removed(ids),
    ...cacheUses(options, readers),
  })
  const core: Core = {
    remote,
    ...whileServerTakes({ remote, clock, server, writeBack, asked }),
    tree,
    writeBack,
    readers,
    patience,
    server,
    times: new LocalTimes(times.known, times.file),
    changes: new ChangeTimes(clock),
    seen: new SeenVersions(),
    pending,
    refused: new RefusedNames(options.onGivenUp),
    kernel,
    clock,
    log,
    options: settings,
    folderLocks: new FolderLocks(),
    folderMoves: new FolderMoves(),
    attributeCalls: new AttributeCalls(),
    hostName,
  }
  if (remote.facts.capacity) writeBack.learnCapacity(remote.facts.capacity, options.isServerAway)
  const facts = openFacts(options, settings, readers)
  const fileSystem = new CloudreveFileSystem(core, facts)
  const restore = fileSystem.restoring(records)
  await restore.run()
  const { pollMs, revalidateMs } = settings
  const kept = await PinsFile.open(join(stateFolder, 'pins.json'), disk)
  const pins = new Pins(core, kept, { isTold: () => changes.state.kind === 'live', revalidateMs })
  const parts = { remote, tree, kernel, server, clock, log, pollMs, mirror, watcher: pins }
  const changes = new ChangeFollower(parts)
  tree.onOwnChange = (path) => pins.changed([path])
  const state = { times: times.file, journal, asked, staging, unlock }
  return new Drive({ core, facts, fileSystem, restore, state, kernels: kernel, changes, pins })
}

async function openPending(
  journal: Journal,
  unsettled: readonly FileId[],
  mirror: Mirror | undefined,
): Promise<PendingStates> {
  const pending = new PendingStates({ journal, ...(mirror && { known: mirror }) })
  for (const id of unsettled) mirror?.outdate(id)
  await pending.forgetUnsettled(unsettled)
  return pending
}

function openPatience(
  { clock, log, patience }: CreateOptions,
  { timeoutMs: deadlineMs }: CoreSettings,
  server: Reachability,
): Patience {
  return new Patience(clock, log, patience ?? { ...defaultPatience, deadlineMs }, server)
}

/** Changes are sent only while the server takes them. */
function whileServerTakes({
  remote,
  clock,
  server,
  writeBack,
  asked,
}: Pick<Core, 'clock' | 'server' | 'writeBack' | 'asked'> & { readonly remote: Remote }): Pick<
  Core,
  'changing' | 'sending' | 'asked'
> {
  const { outage } = writeBack
  server.onBack = () => {
    if (outage.isAway) outage.tryNow()
  }
  const sending = new SendingTimes({ clock, outage, holdUploads: () => writeBack.holdUploads() })
  if (asked.isSettling) void sending.hold(() => asked.settled)
  return { changing: changingCalls({ remote, clock, outage, asked }), sending, asked }
}

function openReaders(options: CreateOptions, settings: CoreSettings, tree: Tree): ContentReaders {
  const { remote, clock, log, diskCache, downloadBytesPerSecond } = options
  return new ContentReaders({
    remote,
    budget: new MemoryBudget(settings.readMemoryBytes - (diskCache?.waitingBytes ?? 0)),
    clock,
    log,
    disk: diskCache && { cache: diskCache, drive: driveIdOf(tree) },
    options: { deadlineMs: settings.timeoutMs },
    ...(downloadBytesPerSecond ? { bytesPerSecond: downloadBytesPerSecond } : {}),
  })
}

function openFacts(
  { remote, clock, diskCache }: CreateOptions,
  { listFacts }: CoreSettings,
  readers: ContentReaders,
): Facts {
  const cachedBytes: FactsDeps['cachedBytes'] = async (entity, sizeBytes) =>
    (await readers.onDisk({ entity, sizeBytes })?.presentBytes()) ?? 0
  const isPinned: FactsDeps['isPinned'] = (entity, sizeBytes) => readers.isProtected({ entity, sizeBytes })
  return new Facts({ remote, clock, listFacts, isPinned, cachedBytes: diskCache && cachedBytes })
}

/** What the write path does with the caches and the line of who reads. Small contents are remembered as they are sent. */
function cacheUses(
  { diskCache, cacheSharesDisk = false, downloadBytesPerSecond }: CreateOptions,
  readers: ContentReaders,
): Pick<WriteBackOptions, 'keepUploaded' | 'giveBack' | 'isReading' | 'downloadBytesPerSecond'> {
  return {
    isReading: () => readers.isReading,
    downloadBytesPerSecond,
    keepUploaded: async (content, read) => {
      if (content.sizeBytes > rememberedBytes) await readers.onDisk(content)?.fill(read)
    },
    giveBack: diskCache && cacheSharesDisk ? (bytes) => diskCache.giveBack(bytes) : undefined,
  }
}

/** A server that is set up anew in the place of another makes its top folders at another time. */
function driveIdOf({ table }: Tree): string {
  return `${table.root.entry?.id} ${table.root.entry?.createdAtMs}`
}

async function openTree(
  options: CreateOptions,
  parts: { settings: CoreSettings; patience: Patience; kernel: KernelCaches; server: Reachability },
): Promise<Tree> {
  const { remote, clock, log, mirror } = options
  const { settings, patience, kernel, server } = parts
  const { metadataTtlMs: ttlMs, metadataEntries: maxEntries, revalidateMs } = settings
  const followedTtlMs = Math.max(ttlMs, revalidateMs)
  const folders = new FolderCache({ remote, clock, patience, ttlMs, followedTtlMs, maxEntries, mirror })
  const table = new NodeTable((await knownTop(options)) ?? (await askedTop(options, { patience, folders })))
  // What a walk brings that is too much for the memory is read from the mirror.
  const walkObjects = Math.min(settings.walkObjects, Math.max(maxEntries, mirror?.maxObjects ?? 0) / 2)
  return new Tree({ table, folders, kernel, remote, patience, server, clock, log, walkObjects })
}

async function askedTop(
  { remote, isTopUnlisted, mirror }: CreateOptions,
  { patience, folders }: { readonly patience: Patience; readonly folders: FolderCache },
): Promise<RemoteEntry> {
  const { origin } = remote.facts
  if (!isTopUnlisted) return (await folders.loadRoot(origin)).folder
  const top = await patience.run(origin, () => remote.info([]))
  mirror?.setTop(top)
  return top
}

/** Of the drive that is known on the local disk. Where the server has another one at the same address nothing is known any more. */
async function knownTop({ remote, mirror, log }: CreateOptions): Promise<RemoteEntry | undefined> {
  const known = mirror?.top
  const { top } = remote.facts
  if (!known || !top || (top.id === known.id && top.createdAtMs === known.createdAtMs)) return known
  log.warn('the server has another drive than the one that was known: it was set up anew', {
    server: remote.facts.origin,
  })
  await mirror?.clear()
  return undefined
}

function writeBackSettings(
  { stateFolder, clock, log, hostName, bootId, onGivenUp }: CreateOptions,
  settings: CoreSettings,
): Omit<WriteBackOptions, 'remote'> {
  return {
    stagingFolder: stagingFolder(stateFolder),
    isReadOnly: settings.readOnly,
    clock,
    log,
    quietMs: settings.quietMs,
    isSentOpen: settings.sync !== 'fsync',
    concurrency: settings.uploadConcurrency,
    stagingLimitBytes: settings.stagingLimitBytes,
    stagingReserveBytes: settings.stagingReserveBytes,
    hostName,
    bootId,
    onFailed: ({ label, reason }) => onGivenUp?.({ label, kind: 'content', reason }),
  }
}

/** The write path's view of the server: what it uploads may be read at once, and what was read need not be fetched. */
function rememberingRemote(remote: Remote, readers: ContentReaders): WriteRemote {
  return {
    facts: remote.facts,
    info: (...call) => remote.info(...call),
    infoById: (...call) => remote.infoById(...call),
    readRange: async (content, range, how) =>
      (await readers.cachedPart(content, range)) ?? remote.readRange(content, range, how),
    capacity: (...call) => remote.capacity(...call),
    list: (...call) => remote.list(...call),
    createFolder: (...call) => remote.createFolder(...call),
    copy: (...call) => remote.copy(...call),
    rename: (...call) => remote.rename(...call),
    move: (...call) => remote.move(...call),
    remove: (...call) => remote.remove(...call),
    cancelUpload: (...call) => remote.cancelUpload(...call),
    upload: rememberUploads(
      (...call) => remote.upload(...call),
      (entity, bytes) => readers.remember(entity, bytes),
    ),
  }
}
