import { nodeFileLayer, type FileLayer } from '../../base/file-layer.ts'
import { LiveMap } from './live-map.ts'
import { readSegment } from './read-segment.ts'
import { newestSegment } from './open-journal.ts'
import type { JournalValue } from './values.ts'

/**
 * What counts in the journal in `folder`, which nobody needs to have open, and in which nothing is changed: nothing where there is
 * none.
 *
 * @throws {JournalVersionError}
 */
export async function readRecords(
  folder: string,
  layer: FileLayer = nodeFileLayer,
): Promise<ReadonlyMap<string, JournalValue>> {
  const live = new LiveMap()
  const name = newestSegment(await layer.list(folder))
  if (name === undefined) return live.entries()
  const path = `${folder}/${name}`
  for (const { payload } of readSegment(path, await layer.readWhole(path)).frames) live.apply(payload)
  return live.entries()
}
