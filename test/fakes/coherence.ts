/** What a client shows of a drive, and what the drive's server has, in one form that can be compared. */
import { constants } from 'node:fs'
import { encodeMode } from '../../src/core/attributes/index.ts'
import type { Ino } from '../../src/core/types.ts'
import type { MemoryNode } from './memory-tree.ts'
import type { MemoryRemote } from './memory-remote.ts'
import { errnoOf, type TestDrive } from './test-drive.ts'

/** `folder`, or the text of a file, by path. */
export type Shown = Record<string, string>

const sorted = (found: readonly (readonly [string, string])[]): Shown =>
  Object.fromEntries(found.toSorted(([a], [b]) => (a < b ? -1 : 1)))

/** A program that looks at everything, and its kernel, which keeps the pages of what was read as long as it may. */
export class Onlooker {
  readonly #drive: TestDrive
  readonly #pages = new Map<Ino, string>()
  #heard = 0

  constructor(drive: TestDrive) {
    this.#drive = drive
  }

  async all(): Promise<Shown> {
    return sorted(await this.#below(''))
  }

  /** What can be looked at: some of what is shown may be gone by now. */
  async present(): Promise<Shown> {
    const found: [string, string][] = []
    const errno = await errnoOf(this.#below('', found))
    if (errno !== undefined) throw new Error(`the top folder cannot be listed: ${errno}`)
    return sorted(found)
  }

  async modes(): Promise<Shown> {
    const found: [string, string][] = []
    for (const [path, text] of Object.entries(await this.all()))
      if (text !== 'folder') found.push([path, ((await this.#drive.stat(path)).mode & 0o777).toString(8)])
    return sorted(found)
  }

  /** With `present`, what is there is put into that, and what is gone is left out. */
  async #below(folder: string, present?: [string, string][]): Promise<[string, string][]> {
    const found = present ?? []
    for (const name of await this.#drive.names(folder)) {
      const path = folder === '' ? name : `${folder}/${name}`
      const look = () => this.#look(path, found, present !== undefined)
      if (present) await errnoOf(look())
      else await look()
    }
    return found
  }

  async #look(path: string, found: [string, string][], onlyPresent: boolean): Promise<void> {
    if ((await this.#drive.stat(path)).kind !== 'folder') {
      found.push([path, await this.#text(path)])
      return
    }
    found.push([path, 'folder'])
    if (onlyPresent) await this.#below(path, found)
    else found.push(...(await this.#below(path)))
  }

  /** As read(2) through the page cache: pages stay over a close where the open said so, and nobody told that they are old. */
  async #text(path: string): Promise<string> {
    const drive = this.#drive
    const ino = await drive.ino(path)
    const opened = await drive.fs.open(ino, constants.O_RDONLY, drive.context())
    this.#hear()
    if (!opened.keepCache) this.#pages.delete(ino)
    const file = { ino, fh: opened.fh }
    const text = this.#pages.get(ino) ?? (await drive.read(file))
    this.#pages.set(ino, text)
    await drive.close(file)
    return text
  }

  #hear(): void {
    const { notices } = this.#drive
    for (; this.#heard < notices.length; this.#heard += 1) {
      const ino = /^inode (\d+)$/.exec(notices[this.#heard]!)?.[1]
      if (ino !== undefined) this.#pages.delete(Number(ino) as Ino)
    }
  }
}

/** What is there for everybody: a file that is being uploaded for the first time is not. */
function* visible({ tree }: MemoryRemote, node: MemoryNode = tree.root): Generator<[string, MemoryNode]> {
  for (const child of node.children.values()) {
    const isComing = child.kind === 'file' && child.sessionId !== undefined && child.current === undefined
    if (!isComing) yield [tree.pathOf(child).join('/'), child]
    yield* visible({ tree } as MemoryRemote, child)
  }
}

export function stored(remote: MemoryRemote): Shown {
  const textOf = (node: MemoryNode) =>
    node.kind === 'folder' ? 'folder' : Buffer.from(remote.tree.currentBytes(node)).toString()
  return sorted([...visible(remote)].map(([path, node]) => [path, textOf(node)]))
}

export function storedModes(remote: MemoryRemote): Shown {
  const { key } = encodeMode(undefined)
  const modeOf = (node: MemoryNode) => (node.metadata[key] ?? '0644').replace(/^0+/, '')
  return sorted(
    [...visible(remote)]
      .filter(([, { kind }]) => kind === 'file')
      .map(([path, node]) => [path, modeOf(node)]),
  )
}

/**
 * Somebody stands in a folder: looks at it by its number and by a handle, wherever it is by now. @throws where that has another
 * outcome than that it is there or not
 */
export async function lookFromWithin(drive: TestDrive, ino: Ino): Promise<void> {
  await presentOrGone(drive.fs.getattr(ino, undefined, drive.context()))
  await presentOrGone(drive.fs.lookup(ino, 'a', drive.context()))
  await presentOrGone(
    (async () => {
      const { fh } = await drive.fs.opendir(ino, drive.context())
      try {
        await drive.fs.readdir(fh, 0, drive.context())
      } finally {
        await drive.fs.releasedir(fh)
      }
    })(),
  )
}

async function presentOrGone(look: Promise<unknown>): Promise<void> {
  const errno = await errnoOf(look)
  if (errno !== undefined && errno !== 'ENOENT' && errno !== 'ESTALE')
    throw new Error(`who stands in a folder is told ${errno}`)
}
