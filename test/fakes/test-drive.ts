import { constants } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeFileLayer, type FileLayer, type LocalFile } from '../../src/base/file-layer.ts'
import { createDrive, DiskCache, Mirror, ROOT_INO, type Drive } from '../../src/core/index.ts'
import type { CoreSettings, CreateOptions } from '../../src/core/create-drive.ts'
import type { InlineLimits } from '../../src/core/inline/index.ts'
import type {
  Attr,
  AttrChanges,
  Entry,
  Fh,
  Ino,
  OpContext,
  Opened,
  RenameFlags,
} from '../../src/core/types.ts'
import type { RecordedCall } from './call-script.ts'
import { errnoOf } from './errno-of.ts'
import { eventually } from './eventually.ts'
import { aMoment, ManualClock, settle } from './manual-clock.ts'
import { MortalClock } from './mortal-clock.ts'
import { MortalLayer } from './mortal-layer.ts'
import { mortalRemote, type MortalRemote } from './mortal-remote.ts'
import { noticingKernel } from './noticing-kernel.ts'
import { notingLayer } from './noting-layer.ts'
import { promised, type Promised } from './promised.ts'
import { toPath } from './memory-drive.ts'
import { MemoryRemote, type MemoryRemoteOptions } from './memory-remote.ts'
import { recordingLog } from './recording-log.ts'

export { errnoOf }

export interface TestDriveOptions {
  readonly remote?: Omit<MemoryRemoteOptions, 'clock'>
  readonly settings?: Partial<CoreSettings>
  /** Its folders are those of the drive (`TestDrive.folder`); the lock lies on the real disk all the same. */
  readonly fileLayer?: FileLayer
  /** Which staged files lie in a log; small ones if left out. */
  readonly inlineLimits?: InlineLimits
  /** Where contents are kept to be read again; nowhere if left out. */
  readonly cacheFolder?: string
  /** Where what is known of the drive is kept; nowhere if left out. */
  readonly mirrorFolder?: string
  readonly mirrorObjects?: number
  readonly cacheLimitBytes?: number
  /** Another client, whose clock and server it shares; each has a connection with a script of its own. */
  readonly beside?: TestDrive
  readonly hostName?: string
  readonly onGivenUp?: CreateOptions['onGivenUp']
}

/** Tests that let come later what a dead process has asked for say so. */
const ours = { readMemoryBytes: 16 * 1024 ** 2, settleMs: 0 }
/** What processes that were killed had open: kept, as the collector complains of what it has to close. */
const leftOpen: (readonly LocalFile[])[] = []

/** What a program has open: its number, and the node behind it. */
export interface OpenedFile {
  readonly fh: Fh
  readonly ino: Ino
}

/**
 * A whole drive over a server in memory, with a clock that a test moves, and the operations by path as the kernel would ask for
 * them. Like the kernel it remembers each look-up until `forgetAll`.
 */
export class TestDrive {
  readonly clock: ManualClock
  readonly log = recordingLog()
  readonly remote: MemoryRemote
  /** What the kernel was told, in order. */
  readonly notices: string[] = []
  readonly folder: string
  /** The local disk, and the start of the machine: another one after power loss. For the next start. */
  fileLayer: FileLayer
  bootId = 'first boot'
  drive!: Drive
  /** What the last start has asked. */
  startCalls: readonly RecordedCall[] = []
  readonly #options: TestDriveOptions
  readonly #lookups = new Map<Ino, number>()
  #processClock!: MortalClock
  #line!: MortalRemote
  #isReadOnly = false
  diskCache: DiskCache | undefined
  mirror: Mirror | undefined
  mirrorDisk = new MortalLayer(nodeFileLayer)
  /** What the process has opened on the local disk. */
  #opened: LocalFile[] = []

  private constructor(folder: string, options: TestDriveOptions) {
    this.folder = folder
    this.#options = options
    this.fileLayer = options.fileLayer ?? nodeFileLayer
    this.clock = options.beside?.clock ?? new ManualClock(Date.UTC(2026, 10, 23, 14, 3))
    const { remote: sameDriveAs } = options.beside ?? {}
    this.remote = new MemoryRemote({
      ...options.remote,
      clock: this.clock,
      ...(sameDriveAs && { sameDriveAs }),
    })
  }

  static async open(
    options: TestDriveOptions = {},
    prepare?: (remote: MemoryRemote) => void,
  ): Promise<TestDrive> {
    const test = new TestDrive(await mkdtemp(join(tmpdir(), 'drive-')), options)
    prepare?.(test.remote)
    await test.start()
    return test
  }

  get fs(): Promised<Drive['fileSystem']> {
    return promised(this.drive.fileSystem)
  }

  /** Mounts on the same state, as a new process would. */
  async start(): Promise<void> {
    const { log, folder: stateFolder, bootId } = this
    this.#opened = []
    const callsBefore = this.remote.calls.length
    const fileLayer = notingLayer(this.fileLayer, this.#opened)
    this.#line = mortalRemote(this.remote)
    const machine = { stateFolder, fileLayer, bootId, inlineLimits: this.#options.inlineLimits }
    this.#processClock = new MortalClock(this.clock)
    const { hostName = 'laptop', onGivenUp } = this.#options
    const settings = { ...ours, readOnly: this.#isReadOnly, ...this.#options.settings }
    this.diskCache = await this.#openCache()
    this.mirror = await this.#openMirror()
    const cached = {
      diskCache: this.diskCache,
      cacheSharesDisk: true,
      mirror: this.mirror,
      isServerAway: this.remote.offline,
    }
    const drive = { remote: this.#line.remote, clock: this.#processClock, log, settings, hostName, onGivenUp }
    this.drive = await createDrive({ ...drive, kernel: noticingKernel(this.notices), ...machine, ...cached })
    this.startCalls = this.remote.calls.slice(callsBefore)
    this.remote.script.forgetCalls()
  }

  async #openMirror(): Promise<Mirror | undefined> {
    const { mirrorFolder: folder, mirrorObjects: maxObjects = 100_000 } = this.#options
    if (folder === undefined) return undefined
    this.mirrorDisk = new MortalLayer(notingLayer(nodeFileLayer, this.#opened))
    const { log, bootId, mirrorDisk } = this
    const facts = { clock: this.#processClock, log, layer: mirrorDisk.layer, bootId }
    return Mirror.open({ folder, maxObjects, ...facts })
  }

  async #openCache(): Promise<DiskCache | undefined> {
    const { cacheFolder: folder, cacheLimitBytes: limitBytes, settings } = this.#options
    if (folder === undefined) return undefined
    const waitingBytes = (settings?.readMemoryBytes ?? 16 * 1024 ** 2) / 4
    const { log, clock } = this
    const parts = { log, clock, layer: notingLayer(nodeFileLayer, this.#opened) }
    return DiskCache.open({ folder, owner: ['test'], ...parts, limitBytes, reserveBytes: 0, waitingBytes })
  }

  /** The process is at its end this very moment: no timer of it goes off any more, and no answer reaches it. */
  kill(): void {
    this.#processClock.stop()
    this.#line.cut()
    this.mirrorDisk.kill()
  }

  /** What `kill -9` and a new mount do: what the process had in memory is gone, and nothing of it goes on. */
  async crash(whileDown: () => Promise<void> | void = () => undefined): Promise<void> {
    this.kill()
    leftOpen.push(this.#opened.filter(({ fd = -1 }) => fd >= 0))
    this.#lookups.clear()
    await writeFile(join(this.folder, 'lock'), JSON.stringify({ pid: 2 ** 22 + 1, startTicks: '1' }))
    await whileDown()
    await this.start()
  }

  /** From the next start on. */
  openReadOnly(isReadOnly: boolean): void {
    this.#isReadOnly = isReadOnly
  }

  /** Forgets everything, unmounts in order and mounts again. */
  async remount(): Promise<void> {
    this.forgetAll()
    await this.drain()
    await this.drive.close()
    await this.diskCache?.close()
    await this.mirror?.close()
    await this.start()
  }

  async stop(): Promise<void> {
    await this.drive.close()
    await this.diskCache?.close()
    await this.mirror?.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  context(more: Partial<OpContext> = {}): OpContext {
    return { signal: new AbortController().signal, pid: 100, uid: 0, gid: 0, ...more }
  }

  // --- paths

  async ino(path: string): Promise<Ino> {
    let ino = ROOT_INO
    for (const name of toPath(path)) ino = (await this.lookup(ino, name)).ino
    return ino
  }

  async lookup(parent: Ino, name: string): Promise<Entry> {
    return this.#noted(await this.fs.lookup(parent, name, this.context()))
  }

  async stat(path: string): Promise<Attr> {
    return (await this.fs.getattr(await this.ino(path), undefined, this.context())).attr
  }

  /** `true` when a look-up finds it. */
  async exists(path: string): Promise<boolean> {
    return (await errnoOf(this.ino(path))) === undefined
  }

  async names(path = ''): Promise<string[]> {
    const { fh } = await this.fs.opendir(await this.ino(path), this.context())
    const names: string[] = []
    try {
      for (;;) {
        const batch = await this.fs.readdir(fh, names.length, this.context())
        if (batch.length === 0) return names.sort()
        names.push(...batch.map(({ name }) => name))
      }
    } finally {
      await this.fs.releasedir(fh)
    }
  }

  async open(path: string, flags: number = constants.O_RDONLY, pid = 100): Promise<OpenedFile> {
    const ino = await this.ino(path)
    return { ino, fh: (await this.fs.open(ino, flags, this.context({ pid }))).fh }
  }

  async create(
    path: string,
    mode = 0o644,
    flags = constants.O_RDWR | constants.O_CREAT,
  ): Promise<OpenedFile> {
    const { entry, opened } = await this.#create(path, mode, flags)
    return { ino: entry.ino, fh: opened.fh }
  }

  read({ fh }: OpenedFile, offset = 0, length = 1 << 20): Promise<string> {
    return this.fs.read(fh, offset, length, this.context()).then((bytes) => Buffer.from(bytes).toString())
  }

  async write({ fh }: OpenedFile, text: string, offset = 0): Promise<void> {
    await this.fs.write(fh, offset, Buffer.from(text), this.context())
  }

  /** As the kernel: what `flush` says is for the program, and the file is closed all the same. */
  async close({ fh }: OpenedFile): Promise<void> {
    const flushed = this.fs.flush(fh, this.context())
    await flushed.catch(() => undefined)
    await this.fs.release(fh)
    return flushed
  }

  /** Opens, reads, closes. */
  async text(path: string, pid = 100): Promise<string> {
    const file = await this.open(path, constants.O_RDONLY, pid)
    try {
      return await this.read(file)
    } finally {
      await this.close(file)
    }
  }

  /** As `echo text > path`. */
  async save(path: string, text: string, pid = 100): Promise<void> {
    const isThere = await this.exists(path)
    const file = isThere
      ? await this.open(path, constants.O_WRONLY | constants.O_TRUNC, pid)
      : await this.create(path)
    await this.write(file, text)
    await this.close(file)
  }

  async mkdir(path: string, mode = 0o755): Promise<void> {
    const { parent, name } = await this.#place(path)
    this.#noted(await this.fs.mkdir(parent, name, mode, this.context()))
  }

  async symlink(target: string, path: string): Promise<void> {
    const { parent, name } = await this.#place(path)
    this.#noted(await this.fs.symlink(parent, name, target, this.context()))
  }

  async unlink(path: string, pid = 100): Promise<void> {
    const { parent, name } = await this.#place(path)
    await this.fs.unlink(parent, name, this.context({ pid }))
  }

  async rmdir(path: string): Promise<void> {
    const { parent, name } = await this.#place(path)
    await this.fs.rmdir(parent, name, this.context())
  }

  async rename(from: string, to: string, flags: RenameFlags = {}, pid = 100): Promise<void> {
    await this.fs.rename(await this.#place(from), await this.#place(to), flags, this.context({ pid }))
  }

  async setattr(path: string, changes: AttrChanges): Promise<Attr> {
    return (await this.fs.setattr(await this.ino(path), changes, undefined, this.context())).attr
  }

  async setxattr(path: string, name: string, value: string): Promise<void> {
    await this.fs.setxattr(await this.ino(path), name, Buffer.from(value), 'either', this.context())
  }

  async getxattr(path: string, name: string): Promise<string> {
    return Buffer.from(await this.fs.getxattr(await this.ino(path), name, this.context())).toString()
  }

  // --- time and order

  /** The listings are not trusted any more. */
  async outdate(): Promise<void> {
    await this.clock.advance(30_001)
  }

  /** Everything is at the server. */
  get isSettled(): boolean {
    const { unsentNames, writeBack, unsentAttributes } = this.drive
    return unsentNames === 0 && writeBack.pending().length === 0 && unsentAttributes === 0
  }

  /** The quiet time and the delay of renames pass, and everything is at the server. */
  async settleAll(): Promise<void> {
    for (let steps = 0; steps < 2_000 && (steps < 20 || !this.isSettled); steps += 1) {
      await this.clock.advance(100)
      if (steps > 20) await aMoment(5)
    }
    await eventually(() => this.isSettled)
    await settle()
  }

  /** Moves time on while `work` waits for it. */
  async during<T>(work: Promise<T>, stepMs = 100): Promise<T> {
    let isOver = false
    const watched = work.finally(() => {
      isOver = true
    })
    watched.catch(() => undefined)
    const state = () => isOver
    for (let i = 0; i < 5_000 && !state(); i += 1)
      await this.clock.advance(stepMs).then(() => (i > 20 ? aMoment() : undefined))
    return watched
  }

  drain(): ReturnType<Drive['drain']> {
    return this.during(this.drive.drain())
  }

  forgetAll(): void {
    for (const [ino, count] of this.#lookups) this.fs.forget(ino, count)
    this.#lookups.clear()
  }

  /** The conflict copies at the server. */
  copies(): string[] {
    return this.remote.paths().filter((path) => path.includes('conflict'))
  }

  /** After everything was closed: no node may be left, so both counts should be zero. */
  async leftovers(): Promise<{ kept: number; held: number }> {
    this.forgetAll()
    await this.drain()
    await settle()
    this.drive.checkInvariants()
    return this.drive.nodeCounts
  }

  async #create(path: string, mode: number, flags: number): Promise<{ entry: Entry; opened: Opened }> {
    const answer = await this.fs.create(await this.#place(path), mode, flags, this.context())
    return { ...answer, entry: this.#noted(answer.entry) }
  }

  async #place(path: string): Promise<{ parent: Ino; name: string }> {
    const names = toPath(path)
    return { parent: await this.ino(names.slice(0, -1).join('/')), name: names.at(-1) ?? '' }
  }

  #noted(entry: Entry): Entry {
    this.#lookups.set(entry.ino, (this.#lookups.get(entry.ino) ?? 0) + 1)
    return entry
  }
}
