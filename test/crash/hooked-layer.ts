import { writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { DiskSpace, FileLayer, FileStat, LocalFile } from '../../src/base/file-layer.ts'

/** What a process does at a hook: dies before the step, after it, or half way through what it writes; or the disk refuses the step. */
export type HookAction = 'before' | 'half' | 'after' | 'fail'

export interface Hook {
  /** `write/staged-file.ts:171`: who takes the step. */
  readonly site: string
  /** 1: the first time that it is taken there. */
  readonly nth: number
  readonly action: HookAction
}

/** Begins a line on standard output that tells which hook was pulled. */
export const hookMark = 'hook '

/** Where in the program the sites are: `line:column` of the call, and the site. */
export type Places = Readonly<Record<string, string>>

interface Step {
  /** undefined: the step writes nothing of which there is a half. */
  readonly half?: () => Promise<unknown>
}

/** A file layer that counts the steps of each place in the sources, and does there what `hooks` say. */
export class HookedLayer implements FileLayer {
  readonly #layer: FileLayer
  readonly #hooks: readonly Hook[]
  readonly #places: Places
  readonly #counts = new Map<string, number>()

  constructor(layer: FileLayer, hooks: readonly Hook[], places: Places) {
    this.#layer = layer
    this.#hooks = hooks
    this.#places = places
  }

  open(path: string, how: 'create' | 'use' | 'append'): Promise<LocalFile> {
    return this.#step(async () => this.#file(await this.#layer.open(path, how)))
  }

  replace(path: string, content: string, durable: boolean): Promise<void> {
    const half = async () => {
      const file = await open(`${path}.tmp`, 'w', 0o600)
      await file.writeFile(content.slice(0, content.length / 2))
    }
    return this.#step(() => this.#layer.replace(path, content, durable), { half })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#step(() => this.#layer.rename(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#step(() => this.#layer.remove(path))
  }

  syncFolder(folder: string): Promise<void> {
    return this.#step(() => this.#layer.syncFolder(folder))
  }

  makeFolder(folder: string): Promise<void> {
    return this.#step(() => this.#layer.makeFolder(folder))
  }

  exists(path: string): Promise<boolean> {
    return this.#layer.exists(path)
  }

  stat(path: string): Promise<FileStat> {
    return this.#layer.stat(path)
  }

  space(folder: string): Promise<DiskSpace> {
    return this.#layer.space(folder)
  }

  list(folder: string): Promise<string[]> {
    return this.#layer.list(folder)
  }

  readWhole(path: string): Promise<Buffer> {
    return this.#layer.readWhole(path)
  }

  #file(file: LocalFile): LocalFile {
    const { fd } = file
    return {
      fd,
      read: (into, position) => file.read(into, position),
      write: (data, position) => {
        const half = () => file.write(data.subarray(0, data.length / 2), position)
        return this.#step(() => file.write(data, position), { half })
      },
      append: (data) => {
        const half = () => file.append(data.subarray(0, data.length / 2))
        return this.#step(() => file.append(data), { half })
      },
      truncate: (sizeBytes) => this.#step(() => file.truncate(sizeBytes)),
      sizeBytes: () => file.sizeBytes(),
      datasync: () => this.#step(() => file.datasync()),
      close: () => file.close(),
    }
  }

  /** Called in the turn of the caller: the stack still says who that is. */
  async #step<T>(take: () => Promise<T>, { half }: Step = {}): Promise<T> {
    const action = this.#actionAt(callingSite(this.#places))
    if (action === undefined) return take()
    if (action === 'fail') throw Object.assign(new Error('EIO: the hook says so'), { code: 'EIO', errno: -5 })
    if (action === 'half') await half?.()
    else if (action === 'after') await take()
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => undefined)
  }

  #actionAt(site: string): HookAction | undefined {
    const count = (this.#counts.get(site) ?? 0) + 1
    this.#counts.set(site, count)
    const hook = this.#hooks.find((one) => one.site === site && one.nth === count)
    if (hook) writeSync(1, `${hookMark}${site} ${hook.action}\n`)
    return hook?.action
  }
}

/** The nearest caller that is one of them. */
function callingSite(places: Places): string {
  const { stack = '' } = new Error('where')
  for (const { 1: place = '' } of stack.matchAll(/:(\d+:\d+)\)?$/gm)) {
    const site = places[place]
    if (site !== undefined) return site
  }
  return 'elsewhere'
}
