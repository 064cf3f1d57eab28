import { toPosixName } from '../names/index.ts'

/** Time zone by its IANA name; undefined = that of this machine. */
export interface TimeFormat {
  readonly timeZone?: string | undefined
}

const formatters = new Map<string | undefined, Intl.DateTimeFormat>()

function formatterOf(timeZone: string | undefined): Intl.DateTimeFormat {
  const known = formatters.get(timeZone)
  if (known) return known
  const twoDigits = {
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  } as const
  // The one locale that every build of Node has; only its numbers are used.
  const formatter = new Intl.DateTimeFormat('en-US', {
    ...twoDigits,
    year: 'numeric',
    hourCycle: 'h23',
    timeZone,
  })
  formatters.set(timeZone, formatter)
  return formatter
}

/** `2026-01-02 03:04:05` in local time. */
export function localTime(atMs: number, { timeZone }: TimeFormat = {}): string {
  if (!Number.isFinite(atMs) || Math.abs(atMs) > 8.64e15) return 'unknown time'
  const parts = new Map(
    formatterOf(timeZone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, value]),
  )
  const join = (types: readonly Intl.DateTimeFormatPartTypes[], separator: string) =>
    types.map((type) => parts.get(type)).join(separator)
  return `${join(['year', 'month', 'day'], '-')} ${join(['hour', 'minute', 'second'], ':')}`
}

/** Text of others on one line and without a terminal's control sequences: `a\nb` as `a\x0ab`. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u{2028}\u{2029}\u{202A}-\u{202E}\u{2066}-\u{2069}]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
  })
}

const URI = /^cloudreve:\/\/(?:([^@/]*)@)?([^/?#]+)(\/[^?#]*)?/

/**
 * A server's URI as a path for people: `/Plans/a.md` for one's own drive, `share Xy12:/a.md` elsewhere. Names are spelt as in the
 * mounted folder; a share's password is left out. What is no such URI is passed on.
 */
export function uriAsPath(uri: string): string {
  const match = URI.exec(uri)
  if (!match) return oneLine(uri)
  const [, userInfo = '', space = '', rawPath = '/'] = match
  const owner = userInfo.split(':')[0] ?? ''
  const path = rawPath
    .split('/')
    .map((part) => toPosixName(percentDecode(part)))
    .join('/')
  if (space === 'my' && owner === '') return oneLine(path)
  return oneLine(`${owner === '' ? space : `${space} ${owner}`}:${path}`)
}

function percentDecode(text: string): string {
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, decodeEscapes)
}

function decodeEscapes(escapes: string): string {
  return Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8')
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
