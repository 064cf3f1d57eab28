/** Characters that the server refuses in names (api/00-live §1), and control characters. */
// eslint-disable-next-line no-control-regex
const unfit = /[\u0000-\u001f\u007f/\\:*?"<>|]/gu

export interface ConflictNameOptions {
  /** Wall clock, ms since the epoch; shown in local time. */
  readonly atMs: number
  readonly hostName: string
  /** 1 for the first try; later ones show their number. */
  readonly attempt: number
  /** Longest name that the server stores, bytes. */
  readonly maxBytes: number
}

/** `report (conflict 2026-11-23 14.03 laptop).odt`: the name beside, under which local changes survive a conflict. */
export function conflictName(name: string, options: ConflictNameOptions): string {
  const { stem, extension } = splitName(name)
  const host = options.hostName.replace(unfit, '-').slice(0, 64)
  const number = options.attempt > 1 ? ` ${options.attempt}` : ''
  const mark = ` (conflict ${localMinute(options.atMs)} ${host}${number})`
  const room = options.maxBytes - Buffer.byteLength(mark) - Buffer.byteLength(extension)
  return `${cutToBytes(stem, room)}${mark}${extension}`
}

/** A leading dot begins a hidden name, not an extension; endless "extensions" are part of the name. */
export function splitName(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf('.')
  const isExtension = dot > 0 && Buffer.byteLength(name.slice(dot)) <= 32
  return isExtension
    ? { stem: name.slice(0, dot), extension: name.slice(dot) }
    : { stem: name, extension: '' }
}

/** `2026-11-23 14.03` in local time: no colon, which the server refuses. */
export function localMinute(atMs: number): string {
  const at = new Date(atMs)
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}.${two(at.getMinutes())}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** The longest beginning of `text` that fits, never half a character. */
function cutToBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text
  let cut = ''
  let bytes = 0
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > maxBytes) break
    cut += character
  }
  return cut
}
