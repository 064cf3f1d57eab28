import PQueue from 'p-queue'
import { isRemoteError, RemoteError, type RemoteErrorKind } from '../../remote/errors.ts'
import type { FileId, MetadataPatch } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import { batchesOf, type AttributeBatch } from './attribute-batches.ts'
import { confirmPlaces } from './confirm-places.ts'
import type { Core } from './core.ts'
import { findById } from './find-by-id.ts'
import { mtimeOf } from './node-view.ts'
import { canBeSent, clearUnsent, dropUnsent, unsentPatches, withPatches } from './unsent-attributes.ts'

/** Different patches have a call each: so many at a time. */
const callsAtATime = 6

/** These say nothing about one of the objects in a call. */
const generalKinds: ReadonlySet<RemoteErrorKind> = new Set<RemoteErrorKind>([
  'offline',
  'server',
  'unknown-outcome',
  'unauthenticated',
  'protocol',
])

/** Trying again does not help. Answers that make no sense are mostly not the server's: a proxy, or a sign-in page on the way. */
export function isRefusal(error: unknown): boolean {
  return isRemoteError(error) && !error.isTransient && !isRemoteError(error, 'protocol', 'aborted')
}

/** Why attributes of a node are not at the server; what is not in it is done with. */
export type Failures = ReadonlyMap<Node, unknown>

/** Brings to the server, in as few calls as can be, what it lacks of some nodes' attributes. */
export class AttributeDelivery {
  readonly #core: Core
  readonly #onHandedOver: (heir: Node) => void
  readonly #calls = new PQueue({ concurrency: callsAtATime })

  /** `onHandedOver`: another node stands for the object by now, and has got what was to be sent. */
  constructor(core: Core, onHandedOver: (heir: Node) => void) {
    this.#core = core
    this.#onHandedOver = onHandedOver
  }

  async deliver(nodes: readonly Node[]): Promise<Failures> {
    const failures = await confirmPlaces(this.#core, nodes)
    for (const [node, error] of failures)
      if (isRefusal(error)) this.#drop(node, unsentPatches(node, node.entry!))
    const wanted = new Map<Node, readonly MetadataPatch[]>()
    const vanished: Node[] = []
    for (const node of nodes) {
      if (failures.has(node) || !canBeSent(node)) continue
      if (!node.remotePath) vanished.push(node)
      else wanted.set(node, unsentPatches(node, node.entry!))
    }
    for (const [node, patches] of wanted) if (patches.length === 0) wanted.delete(node)
    await Promise.all([
      ...batchesOf(wanted).map((batch) => this.#send(batch, failures)),
      ...vanished.map((node) => this.#sendById(node, failures)),
    ])
    for (const error of failures.values()) if (isRemoteError(error, 'offline')) this.#core.server.missed()
    return failures
  }

  async #send(batch: AttributeBatch, failures: Map<Node, unknown>): Promise<void> {
    const { nodes, patches } = batch
    const ids = nodes.map(({ id }) => id!)
    try {
      await this.#calls.add(() => this.#call(batch))
      for (const [index, node] of nodes.entries()) this.#stored(node, ids[index]!, patches)
    } catch (error) {
      if (nodes.length > 1 && isRemoteError(error) && !generalKinds.has(error.kind))
        return this.#sendHalves(batch, failures)
      for (const node of nodes) failures.set(node, this.#failed(node, patches, error))
    }
    return undefined
  }

  /** One that is locked, gone or refused keeps no other back. What was done already is done again, which changes nothing. */
  async #sendHalves({ nodes, patches }: AttributeBatch, failures: Map<Node, unknown>): Promise<void> {
    const middle = Math.ceil(nodes.length / 2)
    await this.#send({ nodes: nodes.slice(0, middle), patches }, failures)
    await this.#send({ nodes: nodes.slice(middle), patches }, failures)
  }

  async #call({ nodes, patches }: AttributeBatch): Promise<void> {
    const { changing, attributeCalls, folderMoves, changes } = this.#core
    await folderMoves.use(nodes, async () => {
      const paths = nodes.map((node) => node.remotePath ?? gone(node))
      for (const node of nodes) if (node.isFolder) changes.keepMtime(node, mtimeOf(this.#core, node))
      const send = () => attributeCalls.run(nodes, () => changing.patchMetadata(paths, patches))
      await send().catch((error: unknown) => {
        if (isRemoteError(error, 'unknown-outcome')) return send()
        throw error
      })
    })
  }

  #stored(node: Node, id: FileId, patches: readonly MetadataPatch[]): void {
    const { tree } = this.#core
    // Something else has become of it meanwhile: that lacks them still.
    if (node.id !== id) return
    this.#drop(node, patches)
    // A new file may have taken its place meanwhile, and has them now.
    const holder = tree.table.byId(id)
    if (!holder) return
    const entry = withPatches(holder.entry!, patches)
    tree.table.bind(holder, entry)
    const folder = holder.remotePlace?.parent
    if (folder && !folder.isUnlinked) tree.placed(folder, entry)
  }

  /** Why it failed: what is not where it was is looked for with the next try. */
  #failed(node: Node, patches: readonly MetadataPatch[], error: unknown): unknown {
    if (isRemoteError(error, 'not-found')) {
      const folder = node.remotePlace?.parent
      if (folder?.id !== undefined) this.#core.tree.folders.expire(folder.id)
      const message = `${node.label} is being moved or deleted at the server`
      return new RemoteError('conflict', message, { cause: error })
    }
    if (isRefusal(error)) this.#drop(node, patches)
    return error
  }

  /** They are not wanted any more. */
  #drop(node: Node, patches: readonly MetadataPatch[]): void {
    dropUnsent(node, patches)
    this.#core.pending.touch(node)
  }

  /** It is not where it was, or has another content by now: another node may stand for it, or it is somewhere else. */
  async #sendById(node: Node, failures: Map<Node, unknown>): Promise<void> {
    const heir = this.#core.tree.table.byId(node.id!)
    try {
      if (heir && heir !== node) this.#handOver(node, heir)
      else await this.#sendWhereverItIs(node)
    } catch (error) {
      failures.set(node, error)
      if (!isRefusal(error)) return
    }
    clearUnsent(node)
    this.#core.pending.touch(node)
  }

  #handOver(node: Node, heir: Node): void {
    for (const patch of node.unsent.patches.values())
      if (!heir.unsent.patches.has(patch.key)) heir.unsent.patches.set(patch.key, patch)
    this.#core.pending.touch(heir)
    this.#onHandedOver(heir)
  }

  async #sendWhereverItIs(node: Node): Promise<void> {
    const { changing, log } = this.#core
    const found = await findById(this.#core, node.id)
    if (!found) {
      log.info('somebody else has deleted a file whose attributes were to be set', { file: node.entry!.name })
      return
    }
    const { entry, path } = found
    if (entry.entity !== node.entry!.entity) node.unsent.mtime = undefined
    const patches = unsentPatches(node, entry)
    if (patches.length > 0) await this.#calls.add(() => changing.patchMetadata([path], patches))
  }
}

function gone({ label }: Node): never {
  throw new RemoteError('not-found', `${label}: its folder is not at the server any more`)
}
