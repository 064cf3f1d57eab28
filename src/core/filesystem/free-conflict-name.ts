import type { NodePlace } from '../inode/index.ts'
import { conflictName } from '../write/index.ts'
import type { Core } from './core.ts'

/** A name beside, for a file whose own is taken: the first that nothing here has. */
export function freeConflictName({ clock, hostName, remote }: Core, { parent, name }: NodePlace): string {
  const options = { atMs: clock.now(), hostName, maxBytes: remote.facts.maxFileNameBytes }
  for (let attempt = 1; ; attempt += 1) {
    const free = conflictName(name, { ...options, attempt })
    if (!parent.children.has(free)) return free
  }
}
