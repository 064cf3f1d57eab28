import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FileLayer } from '../../src/base/file-layer.ts'
import { silentLog } from '../../src/base/log.ts'
import {
  WriteBack,
  type ContentOwner,
  type EndingLedger,
  type FileContent,
  type UploadFailure,
} from '../../src/core/write/index.ts'
import type { RemoteEntry, RemotePath } from '../../src/remote/types.ts'
import { eventually } from './eventually.ts'
import { ManualClock } from './manual-clock.ts'
import { MemoryRemote, type MemoryRemoteOptions } from './memory-remote.ts'

/** A file as the tree would hold it. */
export class FakeFile implements ContentOwner {
  where: RemotePath | undefined
  facts: ReturnType<ContentOwner['uploadFacts']> = {}
  before: () => Promise<void> = () => Promise.resolve()
  readonly confirmations: RemoteEntry[] = []
  readonly displacements: { copy: RemoteEntry; current: RemoteEntry }[] = []
  changes = 0
  content!: FileContent
  readonly #remote: MemoryRemote

  constructor(remote: MemoryRemote, path: string) {
    this.#remote = remote
    this.where = path.split('/')
  }

  get label(): string {
    return this.where?.join('/') ?? '(deleted)'
  }

  path(): RemotePath | undefined {
    return this.where
  }

  get id(): undefined {
    return undefined
  }

  follow(): Promise<boolean> {
    return Promise.resolve(false)
  }

  leave(): Promise<void> {
    return Promise.resolve()
  }

  known(): undefined {
    return undefined
  }

  copied(): void {
    this.changes += 1
  }

  uploadFacts(): ReturnType<ContentOwner['uploadFacts']> {
    return this.facts
  }

  beforeUpload(): Promise<void> {
    return this.before()
  }

  recorded(): Promise<void> {
    return Promise.resolve()
  }

  released(): Promise<void> {
    return Promise.resolve()
  }

  confirmed(entry: RemoteEntry): void {
    this.confirmations.push(entry)
  }

  found(entry: RemoteEntry): void {
    this.confirmations.push(entry)
  }

  displaced(copy: RemoteEntry, current: RemoteEntry): void {
    this.displacements.push({ copy, current })
  }

  changed(): void {
    this.changes += 1
  }

  replaced(): void {
    this.changes += 1
  }

  /** Reads through to the server as the mount's reader would. */
  async read(offset = 0, length = Number.MAX_SAFE_INTEGER - offset): Promise<Uint8Array> {
    return this.content.read(offset, length, (start, end) => {
      const entity = this.content.base
      if (entity === 'absent') throw new Error('a base is read that is not there')
      const address = { path: () => this.where, entity, sizeBytes: this.content.sizeBytes }
      return this.#remote.readRange(address, { start, end })
    })
  }

  async text(): Promise<string> {
    return Buffer.from(await this.read()).toString()
  }

  write(offset: number, text: string): Promise<void> {
    return this.content.write(offset, Buffer.from(text))
  }

  append(text: string): Promise<void> {
    return this.content.append(Buffer.from(text))
  }

  /** Opens for writing, replaces the content, closes: what an editor does. */
  async save(text: string): Promise<void> {
    this.content.retainWriter()
    await this.content.truncate(0)
    await this.write(0, text)
    this.content.releaseWriter()
  }
}

export interface WriteBenchOptions extends Omit<MemoryRemoteOptions, 'clock'> {
  readonly fileLayer?: FileLayer
  readonly endings?: EndingLedger
  /** Ids of staged files that an earlier process would have removed. */
  readonly gone?: Set<string>
  readonly onRemoved?: (ids: readonly string[]) => Promise<void>
  readonly concurrency?: number
  readonly stagingLimitBytes?: number
  readonly downloadBytesPerSecond?: () => number
  readonly isReading?: () => boolean
  /** False: nobody asked the server before the first write. */
  readonly knowsCapacity?: boolean
}

/** A write path over a server in memory, with a clock that a test moves. */
export class WriteBench {
  readonly clock = new ManualClock(Date.UTC(2026, 10, 23, 14, 3))
  readonly remote: MemoryRemote
  readonly failures: UploadFailure[] = []
  readonly folder: string
  writeBack!: WriteBack
  readonly #options: WriteBenchOptions

  private constructor(folder: string, options: WriteBenchOptions) {
    this.folder = folder
    this.#options = options
    this.remote = new MemoryRemote({ ...options, clock: this.clock })
  }

  static async open(options: WriteBenchOptions = {}): Promise<WriteBench> {
    const bench = new WriteBench(await mkdtemp(join(tmpdir(), 'write-')), options)
    await bench.start()
    return bench
  }

  get stagingFolder(): string {
    return join(this.folder, 'staging')
  }

  /** Starts the write path on the folder, as a new process would. */
  async start(): Promise<void> {
    this.writeBack = await WriteBack.create({
      remote: this.remote,
      stagingFolder: this.stagingFolder,
      clock: this.clock,
      log: silentLog,
      hostName: 'laptop',
      random: () => 1,
      onFailed: (failure) => this.failures.push(failure),
      ...this.#options,
    })
    if (this.#options.knowsCapacity !== false) this.writeBack.learnCapacity(await this.remote.capacity())
    this.remote.script.forgetCalls()
  }

  /** A file that is not at the server yet. */
  newFile(path: string): FakeFile {
    const file = new FakeFile(this.remote, path)
    file.content = this.writeBack.content(file, { entity: 'absent', sizeBytes: 0 })
    return file
  }

  /** A file that another client put there. */
  existingFile(path: string, content: string | Uint8Array): FakeFile {
    const { entity, sizeBytes } = this.remote.putAsOther(path, content)
    const file = new FakeFile(this.remote, path)
    file.content = this.writeBack.content(file, { entity: entity ?? 'absent', sizeBytes })
    return file
  }

  /** Waits until no file of these is dirty any more; moves no clock. */
  synced(...files: FakeFile[]): Promise<void> {
    return eventually(() => files.every(({ content }) => content.sync.state === 'synced'))
  }

  /** The quiet time passes and everything is uploaded. */
  async settleAll(...files: FakeFile[]): Promise<void> {
    await this.clock.advance(500)
    await this.synced(...files)
  }

  /** Ends the write path; the folder stays. */
  stop(): Promise<void> {
    return this.writeBack.close()
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}
