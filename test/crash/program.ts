import { basename } from 'node:path'
import type { Cuts } from './cuts.ts'
import type { Life } from './life.ts'
import type { Operation } from './operations.ts'
import type { Random } from './random.ts'
import { World, type WorldFile } from './world.ts'

export interface ProgramParts {
  readonly random: Random
  /** Folder that it works in, with others. */
  readonly folder: string
  /** All its names begin with it. */
  readonly prefix: string
  /** The number of its first open file. */
  readonly firstHandle: number
  /** What becomes of one write on its way to the drive. */
  readonly cuts: Cuts
  /** It does nothing but write this file anew, again and again. */
  readonly only?: string
  /** It makes new files and changes nothing else: all their bytes are on this machine. */
  readonly makesOnly?: boolean
}

/**
 * A program that works on files of its own. It knows how they must be: in one way, or, after an operation of which it was not
 * told what became of it, in one of several.
 */
export class Program {
  readonly parts: ProgramParts
  /** How its files may be. */
  worlds: readonly World[]
  acknowledgedBytes = 0
  /** The last operations, for a person who looks for a fault. */
  readonly diary: string[] = []
  readonly #random: Random
  #names = 0
  #handles = 0
  #log: number | undefined

  constructor(parts: ProgramParts, present: ReadonlyMap<string, Buffer>) {
    this.parts = parts
    this.#random = parts.random
    const world = new World()
    for (const [path, bytes] of present) world.put(path, bytes)
    world.folders.add(parts.folder)
    this.worlds = [world]
  }

  owns(path: string): boolean {
    const { folder, prefix } = this.parts
    return path.startsWith(`${folder}/${prefix}`)
  }

  /** Works until the process ends, something is refused, or there were so many operations. Answers what was refused. */
  async work(life: Life, operations: number): Promise<string | undefined> {
    for (const world of this.worlds) world.forgetHandles()
    this.#log = undefined
    this.diary.push('--- another process')
    for (let done = 0; done < operations;) {
      for (const operation of this.#plan()) {
        done += 1
        const outcome = await life.perform(operation)
        this.diary.push(`${JSON.stringify(operation)} ${outcome.kind}`)
        if (outcome.kind === 'done') {
          this.#acknowledged(operation)
          continue
        }
        this.#fork(operation)
        return outcome.kind === 'refused'
          ? `${JSON.stringify(operation)}: ${outcome.code} ${outcome.reason}`
          : undefined
      }
      if (this.#random.chance(0.3)) await pause(this.#random.int(1, 40))
    }
    return undefined
  }

  #acknowledged(operation: Operation): void {
    for (const world of this.worlds) world.apply(operation)
    if (operation.do === 'write') this.acknowledgedBytes += operation.length
  }

  /** Done, or not, or what is known to be possible in between. */
  #fork(operation: Operation): void {
    const done = this.worlds.map((world) => world.clone())
    for (const world of done) world.apply(operation)
    const midway = this.worlds.flatMap((world) => world.midway(operation, this.parts.cuts))
    this.worlds = [...this.worlds, ...done, ...midway]
  }

  #plan(): Operation[] {
    if (this.parts.only !== undefined) return this.#rewrite(this.parts.only)
    if (this.parts.makesOnly) return this.#random.chance(0.5) ? this.#newFile() : this.#growLog()
    const files = this.#files()
    const plans = [
      () => this.#newFile(),
      () => this.#newFile(),
      () => this.#makeFolder(),
      () => this.#growLog(),
      () => this.#growLog(),
      ...(files.length === 0 ? [] : this.#plansOn(this.#random.pick(files))),
      ...this.#plansOnFolder(),
      ...this.#plansOnLink(),
    ]
    return this.#random.pick(plans)()
  }

  #plansOn(path: string): (() => Operation[])[] {
    const random = this.#random
    const change = () => this.#change(path)
    return [
      change,
      change,
      () => [{ do: 'rename', from: path, to: this.#newName() }],
      () => this.#saveBeside(path),
      () => this.#saveBeside(path),
      () => this.#saveLikeVim(path),
      () => this.#saveLikeVim(path),
      () => this.#replaceBy(path),
      () => [this.#copy(path)],
      () => this.#moveInto(path),
      () => this.#copyAndChange(path),
      () => [{ do: 'unlink', path }],
      () => this.#unlinkOpen(path),
      () => [{ do: 'chmod', path, mode: random.pick([0o600, 0o640, 0o755]) }],
      () => this.#note(path),
      () => [{ do: 'utimes', path, mtimeMs: random.int(1e9, 1.7e9) * 1000 + random.int(0, 999) }],
    ]
  }

  #plansOnFolder(): (() => Operation[])[] {
    const folders = this.#folders()
    if (folders.length === 0) return []
    const path = this.#random.pick(folders)
    const unlinks = this.worlds[0]!.filesIn(path).map((file): Operation => ({ do: 'unlink', path: file }))
    return [
      () => [{ do: 'rename', from: path, to: this.#newName() }],
      () => [...unlinks, { do: 'rmdir', path }],
    ]
  }

  #plansOnLink(): (() => Operation[])[] {
    const links = this.#certain(({ target }) => target !== undefined)
    const target = () => `somewhere/${this.#random.int(1, 1e6)}`
    const make = (): Operation[] => [{ do: 'symlink', target: target(), path: this.#newName() }]
    if (links.length === 0) return [make]
    const path = this.#random.pick(links)
    return [make, () => [{ do: 'rename', from: path, to: this.#newName() }], () => [{ do: 'unlink', path }]]
  }

  #newFile(path = this.#newName()): Operation[] {
    const handle = this.#handle()
    const writes = Array.from({ length: this.#random.int(0, 3) }, () => this.#write(handle, 2_000))
    return [
      { do: 'open', handle, path, how: 'new' },
      ...writes,
      ...(this.#random.chance(0.3) ? [{ do: 'fsync', handle } as const] : []),
      { do: 'close', handle },
    ]
  }

  #change(path: string): Operation[] {
    const handle = this.#handle()
    const how = this.#random.pick(['use', 'append', 'over'] as const)
    const sizeBytes = this.worlds[0]!.files.get(path)!.bytes.length
    const steps = Array.from({ length: this.#random.int(1, 3) }, (): Operation => {
      if (this.#random.chance(0.75)) return this.#write(handle, sizeBytes)
      return { do: 'truncate', handle, sizeBytes: this.#random.int(0, sizeBytes + 500) }
    })
    return [{ do: 'open', handle, path, how }, ...steps, { do: 'close', handle }]
  }

  /** In one write: what counts is the whole. */
  #rewrite(path: string): Operation[] {
    const handle = this.#handle()
    const write = { ...this.#write(handle, 0), offset: 0 }
    return [{ do: 'open', handle, path, how: 'over' }, write, { do: 'close', handle }]
  }

  /** A temporary file that takes the old one's place. */
  #saveBeside(path: string): Operation[] {
    const temporary = this.#newName()
    return [...this.#newFile(temporary), { do: 'rename', from: temporary, to: path }]
  }

  /** The old file steps aside; most often it goes when the new one is whole. */
  #saveLikeVim(path: string): Operation[] {
    const backup = this.#newName()
    return [
      { do: 'rename', from: path, to: backup },
      ...this.#newFile(path),
      ...(this.#random.chance(0.8) ? [{ do: 'unlink', path: backup } as const] : []),
    ]
  }

  /** By another that has been there for a while. */
  #replaceBy(path: string): Operation[] {
    const others = this.#files().filter((other) => other !== path)
    return others.length === 0 ? [] : [{ do: 'rename', from: this.#random.pick(others), to: path }]
  }

  /** To another name, or to the same one in a folder of its own. */
  #copy(path: string): Extract<Operation, { do: 'copy' }> {
    const to = this.#random.chance(0.4) ? this.#sameNameElsewhere(path) : undefined
    return { do: 'copy', from: path, to: to ?? this.#newName() }
  }

  #moveInto(path: string): Operation[] {
    const to = this.#sameNameElsewhere(path)
    return to === undefined ? [] : [{ do: 'rename', from: path, to }]
  }

  /** In a folder of its own; undefined: there is none where the name is free. */
  #sameNameElsewhere(path: string): string | undefined {
    const below = this.#folders().map((folder) => `${folder}/${basename(path)}`)
    const free = below.filter((to) => this.worlds.every(({ files }) => !files.has(to)))
    return free.length === 0 ? undefined : this.#random.pick(free)
  }

  /** What it is a copy of, or the copy itself, becomes something else before the server can have made it. */
  #copyAndChange(path: string): Operation[] {
    const copy = this.#copy(path)
    const then = this.#random.pick([
      () => this.#rewrite(path),
      (): Operation[] => [{ do: 'unlink', path }],
      (): Operation[] => [{ do: 'rename', from: path, to: this.#newName() }],
      (): Operation[] => [{ do: 'rename', from: copy.to, to: this.#newName() }],
      () => this.#appendTo(copy.to),
    ])
    return [copy, ...then()]
  }

  #appendTo(path: string): Operation[] {
    const handle = this.#handle()
    return [{ do: 'open', handle, path, how: 'append' }, this.#write(handle, 0), { do: 'close', handle }]
  }

  /** Another one, or, where there is one for certain, none. */
  #note(path: string): Operation[] {
    const isNoted = this.worlds.every(({ files }) => files.get(path)?.note !== undefined)
    if (isNoted && this.#random.chance(0.3)) return [{ do: 'note', path }]
    return [{ do: 'note', path, value: String(this.#random.int(1, 1e6)) }]
  }

  #unlinkOpen(path: string): Operation[] {
    const handle = this.#handle()
    return [
      { do: 'open', handle, path, how: 'use' },
      ...(this.#random.chance(0.5) ? [this.#write(handle, 100)] : []),
      { do: 'unlink', path },
      ...(this.#random.chance(0.5) ? [this.#write(handle, 100)] : []),
      { do: 'close', handle },
    ]
  }

  #makeFolder(): Operation[] {
    const path = this.#newName()
    return [{ do: 'mkdir', path }, ...this.#newFile(`${path}/file`)]
  }

  /** A file that stays open. */
  #growLog(): Operation[] {
    if (this.#log !== undefined) {
      const write = this.#write(this.#log, 0)
      return this.#random.chance(0.2) ? [write, { do: 'fsync', handle: this.#log }] : [write]
    }
    const handle = this.#handle()
    this.#log = handle
    const path = this.#newName()
    return [{ do: 'open', handle, path, how: 'new' }, this.#write(handle, 0)]
  }

  #write(handle: number, around: number): Extract<Operation, { do: 'write' }> {
    const length = this.#length()
    const offset = this.#random.chance(0.5) ? 0 : this.#random.int(0, around)
    return { do: 'write', handle, offset, length, token: this.#random.int(1, 2 ** 31) }
  }

  #length(): number {
    if (this.#random.chance(0.8)) return this.#random.int(1, 4_000)
    return this.#random.chance(0.8) ? this.#random.int(4_000, 60_000) : this.#random.int(60_000, 400_000)
  }

  /** The names that certainly lead to a file. */
  #files(): string[] {
    return this.#certain(({ target }) => target === undefined)
  }

  #certain(isMeant: (file: WorldFile) => boolean): string[] {
    const [first, ...others] = this.worlds
    const paths = [...first!.files].filter(([, file]) => isMeant(file)).map(([path]) => path)
    return paths.filter((path) => others.every(({ files }) => files.has(path)))
  }

  /** The folders of its own that are certainly there, and certainly have the same files in them. */
  #folders(): string[] {
    const [first, ...others] = this.worlds
    return [...first!.folders].filter(
      (path) =>
        path !== this.parts.folder &&
        others.every((world) => world.folders.has(path) && contents(world, path) === contents(first!, path)),
    )
  }

  #newName(): string {
    this.#names += 1
    const { folder, prefix } = this.parts
    return `${folder}/${prefix}${this.#names}`
  }

  #handle(): number {
    this.#handles += 1
    return this.parts.firstHandle + this.#handles
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function contents(world: World, folder: string): string {
  return [folder, ...world.filesIn(folder).sort()].join()
}
