/** Extended attributes: facts of the server, and what users keep on their files (in the server's metadata). */
import { Errno } from '../../base/errno.ts'
import type { MetadataPatch } from '../../remote/types.ts'
import { encodeXattr } from '../attributes/index.ts'
import { FsError, toFsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import type { Ino, OpContext, XattrMode } from '../types.ts'
import type { SyncState } from '../write/index.ts'
import type { Facts, FileView } from '../xattr/index.ts'
import type { Arrival } from './arrival.ts'
import { attributeSync, type AttributeSender } from './attribute-sender.ts'
import { assertChangeable } from './changeable.ts'
import { assertWritable, type Core } from './core.ts'
import { viewAttributes } from './node-view.ts'
import type { RenameDelay } from './rename-delay.ts'

const userPrefix = 'user.'
const factPrefix = 'user.cloudreve.'
const historyPrefix = 'user.cloudreve.activities'
/** Nothing of a user's is hidden from it. */
const ROOT_UID = 0

export interface XattrParts {
  readonly attributes: AttributeSender
  readonly renames: RenameDelay
  readonly arrival: Arrival
}

export class XattrOps {
  readonly #core: Core
  readonly #facts: Facts
  readonly #parts: XattrParts

  constructor(core: Core, facts: Facts, parts: XattrParts) {
    this.#core = core
    this.#facts = facts
    this.#parts = parts
  }

  async get(ino: Ino, name: string, { signal, uid }: OpContext): Promise<Uint8Array> {
    const node = this.#core.tree.table.get(ino)
    checkNamespace(name)
    if (this.#facts.isSecret(name) && uid !== this.#core.options.uid && uid !== ROOT_UID)
      throw new FsError(Errno.EACCES, `${node.label}: ${name} is for the owner of the mount`)
    if (this.#facts.isFact(name)) {
      try {
        // A history that lacks what was done a moment ago confuses; other facts are read by programs in the middle of a save.
        if (name.startsWith(historyPrefix)) await this.#settle(node)
        return await this.#facts.get(name, viewOf(node), signal)
      } catch (error) {
        throw toFsError(error, node.label)
      }
    }
    const value = viewAttributes(node).xattrs.get(name.slice(userPrefix.length))
    if (!value) throw new FsError(Errno.ENODATA, `${node.label}: no attribute ${name}`)
    return value
  }

  /** Costs no request. */
  async list(ino: Ino, { pid }: OpContext): Promise<readonly string[]> {
    const node = this.#core.tree.table.get(ino)
    const users = [...viewAttributes(node).xattrs.keys()].map((name) => userPrefix + name)
    const facts = this.#facts.listPolicy.shouldList(pid, node.handles > 0, node.stableIno)
      ? this.#facts.names(viewOf(node))
      : []
    return [...facts, ...users]
  }

  async set(
    ino: Ino,
    name: string,
    change: { value: Uint8Array; mode: XattrMode },
    context: OpContext,
  ): Promise<void> {
    const node = this.#writable(ino, name)
    const key = name.slice(userPrefix.length)
    const present = viewAttributes(node).xattrs.has(key)
    if (change.mode === 'create' && present)
      throw new FsError(Errno.EEXIST, `${node.label}: ${name} exists already`)
    if (change.mode === 'replace' && !present)
      throw new FsError(Errno.ENODATA, `${node.label}: no attribute ${name}`)
    await this.#apply(node, encodeXattr(key, change.value), context.signal)
  }

  async remove(ino: Ino, name: string, context: OpContext): Promise<void> {
    const node = this.#writable(ino, name)
    const key = name.slice(userPrefix.length)
    if (!viewAttributes(node).xattrs.has(key))
      throw new FsError(Errno.ENODATA, `${node.label}: no attribute ${name}`)
    await this.#apply(node, encodeXattr(key, undefined), context.signal)
  }

  #writable(ino: Ino, name: string): Node {
    const node = this.#core.tree.table.get(ino)
    checkNamespace(name)
    if (name.startsWith(factPrefix))
      throw new FsError(Errno.EPERM, `${name} is a fact of the server: it cannot be changed`)
    assertWritable(this.#core, node)
    assertChangeable(node)
    return node
  }

  async #apply(node: Node, patch: MetadataPatch, signal: AbortSignal): Promise<void> {
    const { attributes, arrival } = this.#parts
    attributes.change(node, { patches: [patch] })
    this.#core.changes.changed(node)
    await arrival.afterAttributes(node, signal)
  }

  async #settle(node: Node): Promise<void> {
    await this.#parts.renames.settle(node)
    await this.#parts.attributes.settleIfPossible(node)
  }
}

/** EOPNOTSUPP, not ENODATA: `ls -l` then asks once a mount and not once a file. */
function checkNamespace(name: string): void {
  if (name.startsWith(userPrefix)) return
  throw new FsError(Errno.EOPNOTSUPP, `${name}: only attributes in the namespace user are kept`)
}

const syncedState: SyncState = { state: 'synced' }

export function viewOf(node: Node): FileView {
  const states = [node.content?.sync, syncOfName(node), attributeSync(node)]
  const { state, detail } = states.find((each) => each && each.state !== 'synced') ?? syncedState
  return {
    entry: node.entry,
    path: node.remotePath ?? [],
    sync: detail === undefined ? state : `${state}: ${detail}`,
  }
}

/** Whether the server has it, under its name. */
function syncOfName({ isNew, waits, refusal }: Node): SyncState {
  if (!isNew && !waits) return syncedState
  if (refusal === undefined) return { state: 'waiting' }
  return { state: isNew ? 'failed' : 'retrying', detail: refusal }
}
