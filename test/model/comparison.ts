import { expect } from 'vitest'
import { errorCode, type Engine, type Stat } from '../conformance/engine.ts'
import { expectBytes } from '../conformance/suite.ts'
import { Reference, type RefNode } from './reference.ts'

/** What a call answered: a value, or the errno that it was refused with. */
type Outcome = { readonly value: unknown } | { readonly refused: string }

interface SeenTime {
  readonly changes: number
  readonly mtimeNs: bigint
}

/** An engine beside the reference: every comparison between the two. */
export class Comparison {
  readonly engine: Engine
  readonly reference = new Reference()
  /** The mtimes that nobody set, as first seen after a change: they must stand while the content stands. */
  readonly #seenTimes = new Map<RefNode, SeenTime>()

  constructor(engine: Engine) {
    this.engine = engine
  }

  /** Both answer the same value, or refuse with the same errno. */
  async both(engine: () => Promise<unknown>, reference: () => unknown): Promise<void> {
    const expected = await outcome(async () => reference())
    const actual = await outcome(engine)
    if (isBytes(expected) && isBytes(actual)) return expectBytes(actual.value, expected.value)
    expect(actual).toEqual(expected)
  }

  stat(stat: Stat, node: RefNode): void {
    expect(stat.kind).toBe(node.kind)
    if (node.kind === 'file') expect(stat.sizeBytes).toBe(node.content.length)
    if (node.kind === 'symlink') expect(stat.sizeBytes).toBe(Buffer.byteLength(node.target))
    if (this.engine.can.modes === true) expect(stat.mode.toString(8)).toBe(node.mode.toString(8))
    if (node.kind === 'file') this.#time(stat, node)
  }

  async statOf(path: string): Promise<void> {
    let stat: Stat | undefined
    let node: RefNode | undefined
    await this.both(
      async () => {
        stat = await this.engine.lstat(path)
      },
      () => {
        node = this.reference.node(path, false)
      },
    )
    if (stat && node) this.stat(stat, node)
  }

  /** Names, bytes, link targets, modes, times and attributes of everything below `path`. */
  async tree(when: string, path = ''): Promise<void> {
    const folder = this.reference.node(path)
    const names = [...folder.children.keys()].sort()
    expect((await this.engine.readdir(path)).filter(isLasting), `${when}: names in "${path}"`).toEqual(names)
    for (const [name, node] of folder.children) {
      const at = path === '' ? name : `${path}/${name}`
      this.stat(await this.engine.lstat(at), node)
      if (node.kind === 'file') expectBytes(await this.engine.readFile(at), node.content)
      if (node.kind === 'symlink') expect(await this.engine.readlink(at)).toBe(node.target)
      if (this.engine.can.xattrs === true && node.xattrs.size > 0) await this.#xattrs(at, node)
      if (node.kind === 'folder') await this.tree(when, at)
    }
  }

  /** The far side holds the same files with the same bytes, and nothing else. */
  async server(path = ''): Promise<void> {
    const { server } = this.engine
    if (!server) return
    const folder = this.reference.node(path)
    const stored = (await server.names(path)).filter(isLasting)
    if (stored.length !== folder.children.size) {
      expect(stored, `names at the server in "${path}"`).toEqual([...folder.children.keys()].sort())
    }
    for (const [name, node] of folder.children) {
      const at = path === '' ? name : `${path}/${name}`
      if (node.kind === 'file') expectBytes(await server.bytes(at), node.content)
      if (node.kind === 'folder') await this.server(at)
    }
  }

  async #xattrs(path: string, node: RefNode): Promise<void> {
    expect(ownXattrs(await this.engine.listxattr(path))).toEqual([...node.xattrs.keys()].sort())
    for (const [name, value] of node.xattrs) expectBytes(await this.engine.getxattr(path, name), value)
  }

  /** Of files only: folders' times change with what is in them. */
  #time({ mtimeNs }: Stat, node: RefNode): void {
    if (node.setMtimeNs !== undefined) {
      this.#seenTimes.delete(node)
      if (this.engine.can.times === true) expect(mtimeNs).toBe(node.setMtimeNs)
      return
    }
    const seen = this.#seenTimes.get(node)
    if (seen?.changes === node.changes) {
      expect(mtimeNs, 'the mtime changed, the content did not').toBe(seen.mtimeNs)
    } else {
      this.#seenTimes.set(node, { changes: node.changes, mtimeNs })
    }
  }
}

/** The folder in which copies get their names goes by itself, some seconds after the last one. */
function isLasting(name: string): boolean {
  return !name.startsWith('.copying-')
}

/** The facts of the product are read-only and not part of the model. */
export function ownXattrs(names: readonly string[]): readonly string[] {
  return names.filter((name) => name.startsWith('user.') && !name.startsWith('user.cloudreve.'))
}

async function outcome(call: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await call() }
  } catch (error) {
    const code = errorCode(error)
    if (code === undefined) throw error
    return { refused: code }
  }
}

function isBytes(outcome: Outcome): outcome is { readonly value: Buffer } {
  return 'value' in outcome && Buffer.isBuffer(outcome.value)
}
