import { crc32 } from 'node:zlib'

/** Version of the format. Its first line has the same form in all versions (docs/formats/journal.md). */
export const journalVersion = 5

const magic = 'cloudreve-mount-journal'
/** Longest text before the payload of a frame: a checksum and three numbers. */
const prefixLimitBytes = 64

/** A record as it lies in a segment. Positions in bytes from the segment's start. */
export interface Frame {
  /** 0 for the first of a segment, then one more each. */
  readonly number: number
  /** Frames before this number were on the disk when this one was written. */
  readonly durable: number
  readonly payload: string
  /** First byte after the payload; its line break is there. */
  readonly end: number
}

export interface SegmentHeader {
  readonly version: number
  /** Frames that were written with the header, and made durable before the segment got its name. */
  readonly baseFrames: number
}

export function formatHeader(baseFrames: number, version = journalVersion): string {
  const text = `${magic} ${version} ${baseFrames}`
  return `${text} ${checksum(Buffer.from(text))}\n`
}

/** undefined: damaged. */
export function parseHeader(line: Buffer): SegmentHeader | undefined {
  const match = /^(\S+) (\d{1,9}) (\d{1,15}) ([0-9a-f]{8})$/.exec(line.toString('latin1'))
  if (!match || match[1] !== magic || match[4] !== checksum(line.subarray(0, -9))) return undefined
  return { version: Number(match[2]), baseFrames: Number(match[3]) }
}

/** `payload` is JSON in one line, so that a line break, like a zero byte, never lies within a frame. */
export function formatFrame({ number, durable, payload }: Omit<Frame, 'end'>): Buffer {
  const covered = Buffer.from(`${Buffer.byteLength(payload)} ${number} ${durable} ${payload}`)
  return Buffer.concat([Buffer.from(`${checksum(covered)} `), covered, Buffer.from('\n')])
}

/** The frame that begins at `start`, if there is a whole one. */
export function parseFrame(bytes: Buffer, start: number): Frame | undefined {
  const prefix = parsePrefix(bytes, start)
  // Without the byte after it, where its line break belongs, it was not written to the end.
  if (!prefix || prefix.end >= bytes.length) return undefined
  if (checksum(bytes.subarray(start + 9, prefix.end)) !== prefix.checksum) return undefined
  const { number, durable, end } = prefix
  return { number, durable, end, payload: bytes.toString('utf8', prefix.payloadStart, end) }
}

/**
 * Where, behind a damaged frame at `start`, the next whole one begins: after a line break, or where the damaged one says that
 * it ends (its line break may be what was damaged). The end of `bytes`: there is none.
 */
export function nextFrameStart(bytes: Buffer, start: number): number {
  const claimed = (parsePrefix(bytes, start)?.end ?? bytes.length) + 1
  const limit = parseFrame(bytes, claimed) ? claimed : bytes.length
  for (let at = bytes.indexOf(10, start) + 1; at > 0 && at < limit; at = bytes.indexOf(10, at) + 1) {
    if (parseFrame(bytes, at)) return at
  }
  return limit
}

function parsePrefix(bytes: Buffer, start: number) {
  const text = bytes.toString('latin1', start, start + prefixLimitBytes)
  const match = /^([0-9a-f]{8}) (\d{1,10}) (\d{1,15}) (\d{1,15}) /.exec(text)
  if (!match) return undefined
  const payloadStart = start + match[0].length
  return {
    checksum: match[1],
    number: Number(match[3]),
    durable: Number(match[4]),
    payloadStart,
    end: payloadStart + Number(match[2]),
  }
}

function checksum(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0')
}
