import type { RemoteEntry } from '../../remote/types.ts'
import { isOwnKey } from '../attributes/index.ts'
import type { Node } from '../inode/index.ts'
import type { Core } from './core.ts'
import { contentOf, type OwnerParts } from './file-owner.ts'

/**
 * The unsent bytes of `heir` become the next version of the server object that `former` stood for: its id, history and shares
 * stay. `former` lives on, unlinked, for who has it open. Nothing is sent: the upload of `heir` does it.
 */
export function takeOver(core: Core, parts: OwnerParts, heir: Node, former: Node): void {
  const { table } = core.tree
  const entry = former.entry!
  const at = former.remotePlace!
  // Unsent bytes of the former rest on the version that it was opened at, which may not be the newest.
  const base = former.content?.isDirty ? former.content.replaces : (entry.entity ?? 'absent')
  parts.renames.drop(former)
  table.unbind(former)
  former.detach()
  former.remotePlace = undefined
  former.successor = heir
  replaceAttributes(heir, entry)
  table.bind(heir, entry)
  heir.remotePlace = at
  contentOf(heir, parts).rebase(base)
}

/** What the object has and the new file has not must go; what is the same need not be sent. */
function replaceAttributes(heir: Node, entry: RemoteEntry): void {
  const { patches } = heir.unsent
  for (const [key, value] of Object.entries(entry.metadata)) {
    if (!isOwnKey(key)) continue
    const wanted = patches.get(key)
    if (!wanted) patches.set(key, { key, value: undefined })
    else if (wanted.value === value) patches.delete(key)
  }
}
