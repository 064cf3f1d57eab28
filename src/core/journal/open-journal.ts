import type { FileLayer } from '../../base/file-layer.ts'
import type { Log } from '../../base/log.ts'
import { LiveMap } from './live-map.ts'
import { readSegment, type SegmentReading } from './read-segment.ts'
import { Segment, segmentName } from './segment.ts'

export interface JournalPlace {
  readonly layer: FileLayer
  readonly log: Log
  /** Absolute. */
  readonly folder: string
}

interface Found {
  readonly path: string
  readonly number: number
  readonly reading: SegmentReading
}

/**
 * Finds the segment that counts, the newest, and makes it ready for more. Older ones are left where a process ended while it
 * wrote the newest. Every step may be the last: until the newest segment is whole and has its name, nothing else changes.
 *
 * @throws {JournalVersionError}
 */
export async function openSegment(place: JournalPlace): Promise<{
  segment: Segment
  live: LiveMap
  damage: readonly string[]
}> {
  const { layer, folder } = place
  const names = await layer.list(folder)
  const found: Found[] = []
  for (const number of segmentNumbers(names)) {
    const path = `${folder}/${segmentName(number)}`
    found.push({ path, number, reading: readSegment(path, await layer.readWhole(path)) })
  }
  for (const name of names.filter((name) => /^journal-\d+\.log\.tmp$/.test(name)))
    await layer.remove(`${folder}/${name}`)

  const newest = found.at(-1)
  const live = new LiveMap()
  for (const { payload } of newest?.reading.frames ?? []) live.apply(payload)
  const lastNumber = numbersOf(names, /^journal-(\d+)\.log/).at(-1) ?? 0
  const segment = await segmentFor({ place, newest, live, number: lastNumber + 1 })
  await layer.syncFolder(folder)
  const replaced = found.filter(({ number }) => number !== segment.number)
  for (const old of replaced) await putAway(place, old)
  return { segment, live, damage: replaced.flatMap(({ reading }) => reading.damage) }
}

/** The newest segment if it is sound and of this version, otherwise a new one with what could be read of it. */
function segmentFor({
  place,
  newest,
  live,
  number,
}: {
  place: JournalPlace
  newest: Found | undefined
  live: LiveMap
  number: number
}): Promise<Segment> {
  if (!newest || newest.reading.isOld || newest.reading.damage.length > 0)
    return Segment.create({ ...place, number }, live.payloads())
  const { frames, endBytes } = newest.reading
  return Segment.resume(
    { ...place, number: newest.number },
    { sizeBytes: endBytes, frames: (frames.at(-1)?.number ?? -1) + 1 },
  )
}

/** Nothing that could not be read is ever removed: somebody may still get something out of it. */
async function putAway({ layer, log, folder }: JournalPlace, { path, reading }: Found): Promise<void> {
  if (reading.damage.length === 0) return layer.remove(path)
  await layer.rename(path, `${path}.damaged`)
  await layer.syncFolder(folder)
  for (const sentence of reading.damage) log.error(sentence, { keptAs: `${path}.damaged` })
}

/** The one that counts, of all names in the folder; undefined when there is none. */
export function newestSegment(names: readonly string[]): string | undefined {
  const number = segmentNumbers(names).at(-1)
  return number === undefined ? undefined : segmentName(number)
}

function segmentNumbers(names: readonly string[]): number[] {
  return numbersOf(names, /^journal-(\d+)\.log$/)
}

function numbersOf(names: readonly string[], pattern: RegExp): number[] {
  return names.flatMap((name) => pattern.exec(name)?.slice(1, 2).map(Number) ?? []).sort((a, b) => a - b)
}
