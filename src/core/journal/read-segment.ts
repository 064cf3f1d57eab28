import { journalVersion, nextFrameStart, parseFrame, parseHeader, type Frame } from './frame.ts'
import { JournalVersionError } from './values.ts'

/** The least that a disk writes, and a divisor of every file system's block. */
const sectorBytes = 512

export interface SegmentReading {
  /** An older version wrote it: to be written anew before anything is added. */
  readonly isOld: boolean
  /** What counts, in order. */
  readonly frames: readonly Frame[]
  /** Everything from here on is torn, and is cut off. */
  readonly endBytes: number
  /** Sentences: what was promised and cannot be read. */
  readonly damage: readonly string[]
}

/** Bytes `[start, end)` that are no frame, where the frames from `number` on should be. */
interface Gap {
  readonly start: number
  readonly end: number
  readonly number: number
  /** How many frames are missing at least. */
  readonly missing: number
}

interface Scan {
  readonly isOld: boolean
  readonly frames: readonly Frame[]
  readonly gaps: readonly Gap[]
  /** The frames before this number were on the disk, for a later one says so. */
  readonly durable: number
}

/**
 * Reads a segment back. What cannot be read is one of two things:
 *
 * - torn: written when the process or the power ended, and nobody was told that it is on the disk. It and all that follows it
 *   are dropped, so that what remains is a state that once was.
 * - damaged: it was on the disk and changed there. It is reported, and what follows it counts.
 *
 * Where no later frame says that the missing ones were on the disk, zeros or an end without line break tell a torn write: a
 * block that did not reach the disk reads as zeros, and no frame holds a zero byte.
 *
 * @throws {JournalVersionError}
 */
export function readSegment(path: string, bytes: Buffer): SegmentReading {
  const { frames, gaps, durable, isOld } = scanSegment(path, bytes)
  const damage: string[] = []
  for (const gap of gaps) {
    // A segment gets its name after its first line is on the disk.
    if (gap.start > 0 && gap.number >= durable && looksTorn(bytes, gap)) {
      return { isOld, frames: frames.filter(({ end }) => end < gap.start), endBytes: gap.start, damage }
    }
    damage.push(describeDamage(path, gap))
  }
  return { isOld, frames, endBytes: bytes.length, damage }
}

function scanSegment(path: string, bytes: Buffer): Scan {
  const headerEnd = bytes.indexOf(10)
  const header = headerEnd < 0 ? undefined : parseHeader(bytes.subarray(0, headerEnd))
  if (header && header.version > journalVersion) throw new JournalVersionError(path, header.version)
  const frames: Frame[] = []
  const gaps: Gap[] = []
  let durable = header?.baseFrames ?? 0
  let expected = 0
  let gapStart = header ? undefined : 0
  for (let at = header ? headerEnd + 1 : 0; at < bytes.length;) {
    const start = at
    const frame = parseFrame(bytes, start)
    at = frame ? frame.end + 1 : nextFrameStart(bytes, start)
    if (!frame || frame.number < expected) {
      gapStart ??= start
      continue
    }
    const missing = frame.number - expected
    if (gapStart !== undefined || missing > 0)
      gaps.push({ start: gapStart ?? start, end: start, number: expected, missing })
    gapStart = undefined
    frames.push(frame)
    expected = frame.number + 1
    durable = Math.max(durable, frame.durable)
  }
  const missing = Math.max(0, durable - expected)
  const end = bytes.length
  if (gapStart !== undefined || missing > 0)
    gaps.push({ start: gapStart ?? end, end, number: expected, missing })
  return { isOld: header !== undefined && header.version < journalVersion, frames, gaps, durable }
}

function looksTorn(bytes: Buffer, { start, end }: Gap): boolean {
  if (end === bytes.length && bytes.at(-1) !== 10) return true
  // A lost block ends where a sector does, or the file. A single changed byte that became zero is not taken for one.
  for (let at = bytes.indexOf(0, start); at >= 0 && at < end; at = bytes.indexOf(0, at + 1)) {
    if ((at + 1) % sectorBytes === 0 || at + 1 === bytes.length) return true
  }
  return false
}

function describeDamage(path: string, { start, end, number, missing }: Gap): string {
  if (start === 0 && missing === 0 && number === 0 && end > 0)
    return `the first line of ${path} is damaged; what follows it was read`
  const count = missing > 1 ? `${missing} records` : 'a record'
  return `${path} is damaged at byte ${start}: ${count} of changes not yet on the server cannot be read`
}
