import { nodeFileLayer, type FileLayer } from '../../base/file-layer.ts'
import { LiveMap } from './live-map.ts'
import { readSegment } from './read-segment.ts'
import { newestSegment } from './open-journal.ts'

/**
 * How many records count in the journal in `folder`, which nobody needs to have open, and in which nothing is changed: 0 where there
 * is none.
 *
 * @throws {JournalVersionError}
 */
export async function countRecords(folder: string, layer: FileLayer = nodeFileLayer): Promise<number> {
  const name = newestSegment(await layer.list(folder))
  if (name === undefined) return 0
  const path = `${folder}/${name}`
  const live = new LiveMap()
  for (const { payload } of readSegment(path, await layer.readWhole(path)).frames) live.apply(payload)
  return live.count
}
