import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { patterned } from '../conformance/suite.ts'
import type { Operation } from './operations.ts'

export interface WorldFile {
  bytes: Buffer
  mode: number
  /** The one that was chosen, ms since the epoch; undefined: nobody chose one, or the content changed since. */
  mtimeMs: number | undefined
}

interface OpenFile {
  readonly file: WorldFile
  readonly appends: boolean
}

/** How one program's files are after what it did, as a disk that nothing ever happens to would have them. */
export class World {
  readonly files = new Map<string, WorldFile>()
  readonly folders = new Set<string>()
  #handles = new Map<number, OpenFile>()

  put(path: string, bytes: Buffer): void {
    this.files.set(path, { bytes, mode: 0o644, mtimeMs: undefined })
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
        return setBytes(file, resized(file.bytes, operation.sizeBytes))
      }
      case 'fsync':
        return undefined
      case 'close':
        return void this.#handles.delete(operation.handle)
      case 'rename': {
        const file = this.#at(operation.from)
        this.files.delete(operation.from)
        return void this.files.set(operation.to, file)
      }
      case 'unlink':
        return void this.files.delete(operation.path)
      case 'mkdir':
        return void this.folders.add(operation.path)
      case 'chmod':
        this.#at(operation.path).mode = operation.mode
        return undefined
      case 'utimes':
        this.#at(operation.path).mtimeMs = operation.mtimeMs
        return undefined
    }
  }

  /**
   * How it may be after a process died in the middle of `operation`, apart from done and not done: where the server needs two
   * requests. A file that it has already takes another's place in two, of which the first takes the other's content or its
   * name; and a file comes to another folder under another name in two. A write over bytes that are here already may be torn, as
   * on any disk.
   */
  midway(operation: Operation): World[] {
    if (operation.do === 'write') return [this.#torn(operation)]
    if (operation.do !== 'rename') return []
    const { from, to } = operation
    const half = join(dirname(from), basename(to))
    const worlds = half === to || half === from ? [] : [this.#renamed(from, half)]
    if (!this.files.has(to)) return worlds
    const [copied, cleared] = [this.clone(), this.#without(to)]
    // The attributes follow later.
    copied.#at(to).bytes = copied.#at(from).bytes
    return [...worlds, copied, cleared, ...worlds.map((world) => world.#without(to))]
  }

  /** Half of it was written, as far as the file reached. */
  #torn({ handle, offset, length, token }: Extract<Operation, { do: 'write' }>): World {
    const world = this.clone()
    const { file, appends } = world.#open(handle)
    if (appends) return world
    const bytes = Buffer.from(file.bytes)
    patterned(length, token)
      .subarray(0, length / 2)
      .copy(bytes, offset)
    setBytes(file, bytes)
    return world
  }

  #renamed(from: string, to: string): World {
    const world = this.clone()
    world.apply({ do: 'rename', from, to })
    return world
  }

  #without(path: string): World {
    const world = this.clone()
    world.files.delete(path)
    return world
  }

  #openPath({ handle, path, how }: Extract<Operation, { do: 'open' }>): void {
    if (how === 'new') this.put(path, Buffer.alloc(0))
    const file = this.#at(path)
    if (how === 'over' && file.bytes.length > 0) setBytes(file, Buffer.alloc(0))
    this.#handles.set(handle, { file, appends: how === 'append' })
  }

  #write({ handle, offset, length, token }: Extract<Operation, { do: 'write' }>): void {
    const { file, appends } = this.#open(handle)
    const at = appends ? file.bytes.length : offset
    const bytes = Buffer.from(resized(file.bytes, Math.max(file.bytes.length, at + length)))
    patterned(length, token).copy(bytes, at)
    setBytes(file, bytes)
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

function resized(bytes: Buffer, sizeBytes: number): Buffer {
  if (sizeBytes <= bytes.length) return bytes.subarray(0, sizeBytes)
  return Buffer.concat([bytes, Buffer.alloc(sizeBytes - bytes.length)])
}
