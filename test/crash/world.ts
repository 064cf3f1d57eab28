import { createHash } from 'node:crypto'
import { patterned } from '../conformance/patterned.ts'
import type { Cuts } from './cuts.ts'
import type { Operation } from './operations.ts'

export interface WorldFile {
  bytes: Buffer
  mode: number
  /** The one that was chosen, ms since the epoch; undefined: nobody chose one, or the content changed since. */
  mtimeMs: number | undefined
  note: string | undefined
  /** Of a symbolic link, which the server keeps as an empty file. */
  target: string | undefined
  /** Not 0 where a program has written. */
  written: Buffer
}

type Write = Extract<Operation, { do: 'write' }>

interface OpenFile {
  readonly file: WorldFile
  readonly appends: boolean
}

/** How one program's files are after what it did, as a disk that nothing ever happens to would have them. */
export class World {
  readonly files = new Map<string, WorldFile>()
  readonly folders = new Set<string>()
  #handles = new Map<number, OpenFile>()

  put(path: string, bytes: Buffer, target?: string): void {
    const written = Buffer.alloc(bytes.length)
    this.files.set(path, { bytes, mode: 0o644, mtimeMs: undefined, note: undefined, target, written })
  }

  /** Size of the file that is open, bytes. */
  sizeOf(handle: number): number {
    return this.#open(handle).file.bytes.length
  }

  /** The process that served the program is gone. */
  forgetHandles(): void {
    this.#handles = new Map()
  }

  clone(): World {
    const copies = new Map<WorldFile, WorldFile>()
    const copyOf = (file: WorldFile) => {
      const copy = copies.get(file) ?? { ...file }
      copies.set(file, copy)
      return copy
    }
    const world = new World()
    for (const [path, file] of this.files) world.files.set(path, copyOf(file))
    for (const folder of this.folders) world.folders.add(folder)
    for (const [handle, { file, appends }] of this.#handles)
      world.#handles.set(handle, { file: copyOf(file), appends })
    return world
  }

  apply(operation: Operation): void {
    switch (operation.do) {
      case 'open':
        return this.#openPath(operation)
      case 'write':
        return this.#write(operation)
      case 'truncate': {
        const { file } = this.#open(operation.handle)
        if (file.bytes.length === operation.sizeBytes) return undefined
        return resize(file, operation.sizeBytes)
      }
      case 'fsync':
        return undefined
      case 'close':
        return void this.#handles.delete(operation.handle)
      case 'copy':
        return this.put(operation.to, this.#at(operation.from).bytes)
      case 'rename':
        return this.#rename(operation)
      case 'unlink':
        return void this.files.delete(operation.path)
      case 'mkdir':
        return void this.folders.add(operation.path)
      case 'rmdir':
        return void this.folders.delete(operation.path)
      case 'chmod':
        this.#at(operation.path).mode = operation.mode
        return undefined
      case 'symlink':
        return this.put(operation.path, Buffer.alloc(0), operation.target)
      case 'note':
        this.#at(operation.path).note = operation.value
        return undefined
      case 'utimes':
        this.#at(operation.path).mtimeMs = operation.mtimeMs
        return undefined
    }
  }

  /**
   * How it may be after a process died in the middle of a call, apart from done and not done: some of the requests that it becomes
   * (`cuts`) were answered, and of the next one there is what it wrote over bytes that are here already, or half of that, as on any
   * disk.
   */
  midway(operation: Operation, cuts: Cuts): World[] {
    if (operation.do === 'copy') return this.#midwayInCopy(operation, cuts)
    return operation.do === 'write' ? this.#midwayInWrite(operation, cuts) : []
  }

  #midwayInCopy({ from, to }: Extract<Operation, { do: 'copy' }>, { ofCopy }: Cuts): World[] {
    const { bytes, mode } = this.#at(from)
    const begun = (end: number, withMode: number) => {
      const world = this.clone()
      world.put(to, bytes.subarray(0, end))
      world.#at(to).mode = withMode
      return world
    }
    // cp(1) makes it with the mode of what it copies, and changes that in the end.
    const modes = [...new Set([0o644, mode])]
    return [0, ...ofCopy(bytes.length), bytes.length].flatMap((end) => modes.map((each) => begun(end, each)))
  }

  #midwayInWrite(operation: Write, { ofWrite }: Cuts): World[] {
    const { appends, file } = this.#open(operation.handle)
    const at = appends ? file.bytes.length : operation.offset
    const ends = [...ofWrite(at, operation.length), operation.length]
    return ends.flatMap((end, index) => {
      const start = index === 0 ? 0 : ends[index - 1]!
      const begun = this.clone()
      begun.#write(operation, start)
      const torn = [end, Math.floor((start + end) / 2)].map((reached) =>
        begun.#torn(operation, start, reached),
      )
      return start === 0 ? torn : [begun, ...torn]
    })
  }

  /** What the write has from `start` to before `end` is there only over what was written before. */
  #torn({ handle, offset, length, token }: Write, start: number, end: number): World {
    const world = this.clone()
    const { file, appends } = world.#open(handle)
    if (appends) return world
    const [bytes, data] = [Buffer.from(file.bytes), patterned(length, token)]
    for (let at = start; at < end; at += 1) if (file.written[offset + at]) bytes[offset + at] = data[at]!
    if (end > start) setBytes(file, bytes)
    return world
  }

  #rename({ from, to }: Extract<Operation, { do: 'rename' }>): void {
    const isFolder = this.folders.delete(from)
    if (isFolder) this.folders.add(to)
    const moved = isFolder ? this.filesIn(from) : [from]
    for (const path of moved) {
      const file = this.#at(path)
      this.files.delete(path)
      this.files.set(to + path.slice(from.length), file)
    }
  }

  /** Paths of the files in `folder`. */
  filesIn(folder: string): string[] {
    return [...this.files.keys()].filter((path) => path.startsWith(`${folder}/`))
  }

  #openPath({ handle, path, how }: Extract<Operation, { do: 'open' }>): void {
    if (how === 'new') this.put(path, Buffer.alloc(0))
    const file = this.#at(path)
    if (how === 'over' && file.bytes.length > 0) resize(file, 0)
    this.#handles.set(handle, { file, appends: how === 'append' })
  }

  /** Its first `reached` bytes. */
  #write({ handle, offset, length, token }: Write, reached = length): void {
    if (reached === 0) return
    const { file, appends } = this.#open(handle)
    const at = appends ? file.bytes.length : offset
    if (file.bytes.length < at + reached) resize(file, at + reached)
    const [bytes, written] = [Buffer.from(file.bytes), Buffer.from(file.written)]
    patterned(length, token).copy(bytes, at, 0, reached)
    written.fill(1, at, at + reached)
    setBytes(file, bytes)
    file.written = written
  }

  #at(path: string): WorldFile {
    const file = this.files.get(path)
    if (!file) throw new Error(`the plan has no file ${path}`)
    return file
  }

  #open(handle: number): OpenFile {
    const open = this.#handles.get(handle)
    if (!open) throw new Error(`the plan has no handle ${handle}`)
    return open
  }
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function setBytes(file: WorldFile, bytes: Buffer): void {
  file.bytes = bytes
  file.mtimeMs = undefined
}

function resize(file: WorldFile, sizeBytes: number): void {
  setBytes(file, resized(file.bytes, sizeBytes))
  file.written = resized(file.written, sizeBytes)
}

function resized(bytes: Buffer, sizeBytes: number): Buffer {
  if (sizeBytes <= bytes.length) return bytes.subarray(0, sizeBytes)
  return Buffer.concat([bytes, Buffer.alloc(sizeBytes - bytes.length)])
}
