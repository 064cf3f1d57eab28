import { renameSync, statSync } from 'node:fs'

const SET_ASIDE_AT_BYTES = 10 * 1024 ** 2

/** A log that has grown is kept as `.1`, instead of the one that was kept before. */
export function setAsideLog(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats && stats.size > SET_ASIDE_AT_BYTES) renameSync(path, `${path}.1`)
}
