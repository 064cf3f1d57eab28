import { assertNever } from '../../base/assert.ts'
import type { WireEvent } from '../../api/types.ts'

/**
 * Merges the events of one flush per file, in the order of each file's first event (api/02 §9.5): what happened in between is lost,
 * as on the real server.
 */
export function mergeEvents(events: readonly WireEvent[]): WireEvent[] {
  const merged = new Map<string, WireEvent | undefined>()
  for (const event of events) {
    const known = merged.get(event.file_id)
    merged.set(event.file_id, known === undefined ? event : mergePair(known, event))
  }
  return [...merged.values()].filter((event) => event !== undefined)
}

/** Undefined: the two cancel each other out. */
function mergePair(first: WireEvent, next: WireEvent): WireEvent | undefined {
  switch (first.type) {
    case 'create':
      if (next.type === 'delete') return undefined
      return next.type === 'rename' ? { ...first, from: next.to } : first
    case 'modify':
      return next.type === 'create' || next.type === 'modify' ? first : next
    case 'rename':
      if (next.type === 'rename') return next.to === first.from ? undefined : { ...first, to: next.to }
      return next.type === 'delete' ? { ...next, from: first.to } : first
    case 'delete':
      return next.type === 'delete' ? first : next
    default:
      return assertNever(first.type)
  }
}
