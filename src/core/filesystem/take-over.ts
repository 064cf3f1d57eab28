import type { Node, NodePlace } from '../inode/index.ts'
import type { BaseEntity } from '../write/index.ts'
import type { Core } from './core.ts'
import { contentOf, type OwnerParts } from './file-owner.ts'
import { replaceAttributes } from './replace-attributes.ts'
import { withPatches } from './unsent-attributes.ts'

/**
 * The unsent bytes of `heir` become the next version of the server object that `former` stood for: its id, history and shares
 * stay. `former` lives on, unlinked, for who has it open. Nothing is sent: the upload of `heir` does it. `pid`: who does that.
 *
 * @requires `inheritUnheard`; what is inherited only now has become known since
 */
export function takeOver(parts: OwnerParts, heir: Node, former: Node, pid?: number): void {
  const { core } = parts
  const { table } = core.tree
  const entry = former.entry!
  const at = former.remotePlace!
  const base = versionFor(core, former, pid)
  const unheard = former.sentUnheard ?? []
  parts.renames.drop(former)
  table.unbind(former)
  former.detach()
  former.remotePlace = undefined
  former.successor = heir
  const coming = former.hasUnsent ? [...former.unsent.patches.values()] : []
  replaceAttributes(heir, entry.metadata, new Set(coming.map(({ key }) => key)))
  // Some of it may have arrived unheard of: what the heir wants is to be sent whatever the server has.
  const other = coming.filter(({ key, value }) => heir.unsent.patches.get(key)?.value !== value)
  table.bind(heir, withPatches(entry, other))
  heir.remotePlace = at
  const content = contentOf(heir, parts)
  content.rebase(base)
  void content.inheritSent(unheard)
  core.seen.nameTaken(heir)
  core.pending.touch(heir)
  core.pending.touch(former)
}

/**
 * Before `takeOver`: what the server may have of `former` is on record as ours to replace before anything says that `heir` is its next
 * version. Else who goes on with that, should the process end in between, takes it for somebody else's change.
 */
export async function inheritUnheard(heir: Node | undefined, former: Node | undefined): Promise<void> {
  await heir?.content?.inheritSent(former?.sentUnheard ?? [])
}

/** The same, of a new file that is going to have the place of a deleted one which is still known to the server. */
export function inheritOfDeleted(
  { renames }: OwnerParts,
  heir: Node,
  { parent, name }: NodePlace,
): Promise<void> {
  return inheritUnheard(heir, renames.removedAt(parent, name))
}

/**
 * While `work` waits for what is being sent of `node`, to delete or replace it. Where that ends in a conflict, nobody has seen what the
 * name shows by then: what the changes here rested on is what goes.
 */
export async function keepingBase<T>(node: Node | undefined, work: () => Promise<T>): Promise<T> {
  if (!node || node.restedOn !== undefined) return work()
  node.restedOn = node.content?.isDirty ? node.content.replaces : undefined
  try {
    return await work()
  } finally {
    node.restedOn = undefined
  }
}

/**
 * What process `pid` replaces when it puts something else at the name of `target`: the content that it read last, or what is shown to
 * it. Unsent bytes rest on the version that was opened, and that goes on being shown while somebody may write to it, though there is a
 * newer one.
 */
export function versionFor({ seen }: Core, target: Node, pid?: number): BaseEntity {
  const { content, entry } = target
  if (content?.isDirty) return content.replaces
  if (target.restedOn !== undefined) return target.restedOn
  const known = pid === undefined || !entry ? undefined : seen.lastSeen(pid, target)
  const shown = target.writers > 0 && content && !content.isHere ? content.base : entry?.entity
  return known ?? shown ?? 'absent'
}
