import { dirname, basename } from 'node:path'
import type { DiskSpace, FileLayer, FileStat, LocalFile } from '../../src/base/file-layer.ts'

const blockBytes = 4096

/** A number in [0, 1). */
export type Random = () => number

/** What a disk that lies leaves undone, though it says that it did it. */
export type Lie = 'datasync' | 'syncFolder'

/** A file: what it holds, and all that it held since it was last on the disk. */
class FileNode {
  /** The first is on the disk; the last is what a program reads. */
  #versions: Buffer[]

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#versions = [bytes]
  }

  get bytes(): Buffer {
    return this.#versions.at(-1)!
  }

  set bytes(bytes: Buffer) {
    this.#versions.push(bytes)
  }

  sync(): void {
    this.#versions = [this.bytes]
  }

  /** The size of one moment, and each block as it was at one: the kernel writes them back when it likes. */
  crash(random: Random): FileNode {
    const mood = random()
    const pick = (): Buffer => {
      if (mood < 0.2) return this.#versions[0]!
      if (mood < 0.4) return this.bytes
      return this.#versions[Math.floor(random() * this.#versions.length)]!
    }
    const found = Buffer.alloc(pick().length)
    for (let at = 0; at < found.length; at += blockBytes)
      found.set(pick().subarray(at, Math.min(at + blockBytes, found.length)), at)
    return new FileNode(found)
  }
}

/** A name that came to mean something else. The changes of one rename have their `step` in common. */
interface NameChange {
  readonly step: object
  readonly name: string
  readonly node: FileNode | FolderNode | undefined
}

class FolderNode {
  readonly names = new Map<string, FileNode | FolderNode>()
  #onDisk = new Map<string, FileNode | FolderNode>()
  #pending: NameChange[] = []

  set(name: string, node: FileNode | FolderNode | undefined, step: object = {}): void {
    this.#pending.push({ step, name, node })
    apply(this.names, name, node)
  }

  sync(): void {
    this.#onDisk = new Map(this.names)
    this.#pending = []
  }

  /** Each change that is not on the disk happened or not. */
  crash(random: Random, happened: (step: object) => boolean): FolderNode {
    const names = new Map(this.#onDisk)
    for (const { step, name, node } of this.#pending) if (happened(step)) apply(names, name, node)
    const found = new FolderNode()
    for (const [name, node] of names)
      found.set(name, node instanceof FileNode ? node.crash(random) : node.crash(random, happened))
    found.sync()
    return found
  }
}

function apply<T>(names: Map<string, T>, name: string, node: T | undefined): void {
  if (node === undefined) names.delete(name)
  else names.set(name, node)
}

/**
 * A disk in memory that knows what of it would survive power loss. `crash` answers a disk as it may be found afterwards:
 * blocks that were not synced are there or not, each for itself, and so are names.
 */
export class PowerLossDisk implements FileLayer {
  readonly #root: FolderNode
  readonly #lies: ReadonlySet<Lie>
  /** Paths of which it lies. */
  readonly #lieAbout: RegExp
  /** Called after each step of a call that changed something. */
  onChange: () => void = () => undefined

  private constructor(lies: Iterable<Lie>, root: FolderNode, lieAbout = /./) {
    this.#lies = new Set(lies)
    this.#lieAbout = lieAbout
    this.#root = root
  }

  /** A disk with an empty folder on it, which survives power loss. */
  static async with(folder: string, lies: readonly Lie[] = [], lieAbout?: RegExp): Promise<PowerLossDisk> {
    const root = new FolderNode()
    await new PowerLossDisk([], root).makeFolder(folder)
    return new PowerLossDisk(lies, root, lieAbout)
  }

  crash(random: Random): PowerLossDisk {
    const mood = random()
    const decided = new Map<object, boolean>()
    const happened = (step: object): boolean => {
      const known = decided.get(step) ?? (mood < 0.4 ? mood < 0.2 : random() < 0.5)
      decided.set(step, known)
      return known
    }
    return new PowerLossDisk(this.#lies, this.#root.crash(random, happened), this.#lieAbout)
  }

  /** A disk as it is when only the process ends. */
  killed(): PowerLossDisk {
    const copy = (folder: FolderNode): FolderNode => {
      const found = new FolderNode()
      for (const [name, node] of folder.names)
        found.set(name, node instanceof FileNode ? new FileNode(node.bytes) : copy(node))
      found.sync()
      return found
    }
    return new PowerLossDisk(this.#lies, copy(this.#root), this.#lieAbout)
  }

  async open(path: string, how: 'create' | 'use' | 'append'): Promise<LocalFile> {
    const known = this.#find(path)
    if (how === 'create' && known) throw systemError('EEXIST', path)
    if (how === 'use' && !known) throw systemError('ENOENT', path)
    const file = known ?? new FileNode()
    if (!(file instanceof FileNode)) throw systemError('EISDIR', path)
    if (!known) {
      this.#folderOf(path).set(basename(path), file)
      this.onChange()
    }
    return this.#localFile(file, path)
  }

  async replace(path: string, content: string, durable: boolean): Promise<void> {
    const temporary = `${path}.tmp`
    const file = await this.open(temporary, 'append')
    await file.truncate(0)
    await file.append(Buffer.from(content))
    if (durable) await file.datasync()
    await this.rename(temporary, path)
    if (durable) await this.syncFolder(dirname(path))
  }

  async rename(from: string, to: string): Promise<void> {
    const node = this.#find(from)
    if (!node) throw systemError('ENOENT', from)
    const step = {}
    this.#folderOf(to).set(basename(to), node, step)
    this.#folderOf(from).set(basename(from), undefined, step)
    this.onChange()
  }

  async remove(path: string): Promise<void> {
    if (!this.#find(path)) return
    this.#folderOf(path).set(basename(path), undefined)
    this.onChange()
  }

  async list(folder: string): Promise<string[]> {
    const node = this.#find(folder)
    return node instanceof FolderNode ? [...node.names.keys()] : []
  }

  async exists(path: string): Promise<boolean> {
    return this.#find(path) !== undefined
  }

  /** The disk in memory keeps no times. */
  async stat(path: string): Promise<FileStat> {
    const file = this.#find(path)
    if (!(file instanceof FileNode)) throw systemError('ENOENT', path)
    return { modifiedAtMs: 0, allocatedBytes: Math.ceil(file.bytes.length / blockBytes) * blockBytes }
  }

  async space(): Promise<DiskSpace> {
    return { freeBytes: Infinity, totalBytes: Infinity }
  }

  async readWhole(path: string): Promise<Buffer> {
    const file = this.#find(path)
    if (!(file instanceof FileNode)) throw systemError('ENOENT', path)
    return Buffer.from(file.bytes)
  }

  async makeFolder(folder: string): Promise<void> {
    if (this.#find(folder)) return
    const above = dirname(folder)
    await this.makeFolder(above)
    this.#folderOf(folder).set(basename(folder), new FolderNode())
    this.onChange()
    await this.syncFolder(above)
  }

  async syncFolder(folder: string): Promise<void> {
    const node = this.#find(folder)
    if (!(node instanceof FolderNode)) throw systemError('ENOENT', folder)
    if (!this.#lieOf('syncFolder', folder)) node.sync()
    this.onChange()
  }

  #lieOf(call: Lie, path: string): boolean {
    return this.#lies.has(call) && this.#lieAbout.test(path)
  }

  #localFile(file: FileNode, path: string): LocalFile {
    const change = (bytes: Buffer): void => {
      file.bytes = bytes
      this.onChange()
    }
    return {
      fd: -1,
      read: async (into, position) => file.bytes.subarray(position).copy(into),
      write: async (data, position) => {
        const bytes = Buffer.alloc(Math.max(file.bytes.length, position + data.length))
        file.bytes.copy(bytes)
        bytes.set(data, position)
        change(bytes)
        return data.length
      },
      append: async (data) => change(Buffer.concat([file.bytes, data])),
      truncate: async (sizeBytes) => {
        const bytes = Buffer.alloc(sizeBytes)
        file.bytes.copy(bytes)
        change(bytes)
      },
      sizeBytes: async () => file.bytes.length,
      datasync: async () => {
        if (!this.#lieOf('datasync', path)) file.sync()
        this.onChange()
      },
      close: () => Promise.resolve(),
    }
  }

  #find(path: string): FileNode | FolderNode | undefined {
    let node: FileNode | FolderNode | undefined = this.#root
    for (const name of path.split('/').filter((name) => name !== '')) {
      node = node instanceof FolderNode ? node.names.get(name) : undefined
    }
    return node
  }

  #folderOf(path: string): FolderNode {
    const folder = this.#find(dirname(path))
    if (!(folder instanceof FolderNode)) throw systemError('ENOENT', path)
    return folder
  }
}

/** Mulberry32: the same numbers for the same seed. */
export function seededRandom(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function systemError(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
