import type { ActivityFeed } from './activity-feed.ts'
import { activityJson, formatActivity } from './format-activity.ts'
import type { TimeFormat } from './words.ts'

/** XATTR_SIZE_MAX of Linux (limits.h): no attribute is longer, bytes. */
export const MAX_XATTR_BYTES = 65_536

const CUT = '… older entries do not fit here; "cloudreve-mount activities" shows all'
const DERIVED = '(derived: this server keeps no activity log; put together from versions, links and times)'

/** For people: a line each, newest first, cut at an entry where the attribute ends, saying so. */
export async function activityLines(feed: ActivityFeed, format: TimeFormat): Promise<string> {
  const derived = await feed.isDerived()
  const footer = derived ? [DERIVED] : []
  const room = new Room(MAX_XATTR_BYTES - bytesOf([CUT, ...footer]))
  for await (const activity of feed.entries()) {
    if (!room.add(formatActivity(activity, { ...format, derived })))
      return text([...room.lines, CUT, ...footer])
  }
  return text([...room.lines, ...footer])
}

/** For programs: one JSON object, `truncated` when older entries did not fit. */
export async function activitiesJson(feed: ActivityFeed): Promise<string> {
  const derived = await feed.isDerived()
  const frame = (truncated: boolean, entries: readonly string[]) =>
    `{"derived":${derived},"truncated":${truncated},"activities":[\n${entries.join(',\n')}\n]}\n`
  // An entry costs its comma and its newline.
  const room = new Room(MAX_XATTR_BYTES - Buffer.byteLength(frame(false, [])), 2)
  for await (const activity of feed.entries()) {
    if (!room.add(JSON.stringify(activityJson(activity)))) return frame(true, room.lines)
  }
  return frame(false, room.lines)
}

/** `lines` as text that fits an attribute; where it does not, the last line says how many are missing. */
export function fittingLines(lines: readonly string[]): string {
  const room = new Room(MAX_XATTR_BYTES - 64)
  const fit = lines.findIndex((line) => !room.add(line))
  return fit === -1 ? text(lines) : text([...room.lines, `… ${lines.length - fit} more do not fit here`])
}

/** Takes lines as long as there is room for them whole. */
class Room {
  readonly lines: string[] = []
  readonly #separatorBytes: number
  #leftBytes: number

  constructor(sizeBytes: number, separatorBytes = 1) {
    this.#leftBytes = sizeBytes
    this.#separatorBytes = separatorBytes
  }

  add(line: string): boolean {
    const sizeBytes = Buffer.byteLength(line) + this.#separatorBytes
    if (sizeBytes > this.#leftBytes) return false
    this.#leftBytes -= sizeBytes
    this.lines.push(line)
    return true
  }
}

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

function bytesOf(lines: readonly string[]): number {
  return Buffer.byteLength(text(lines))
}
