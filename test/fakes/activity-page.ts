import type { Activity, ActivityPage, ActivityQuery } from '../../src/remote/types.ts'

/** A page of a history, newest first in `log`, as a server answers it. */
export function activityPage(
  log: readonly Activity[],
  { direction, cursor, pageSize }: ActivityQuery,
): ActivityPage {
  const all = direction === 'desc' ? log : log.toReversed()
  const from = Number(cursor ?? 0)
  const next = from + pageSize
  const nextCursor = next < all.length ? String(next) : undefined
  return { activities: all.slice(from, next), nextCursor, derived: false }
}
