/** Text for people: tables, sizes, times. Names come from a server: nothing in them may steer a terminal. */

/** Columns padded to the widest cell; lines longer than `width` characters are cut with an ellipsis. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string[] {
  const cells = [header, ...rows].map((row) => row.map(printable))
  const widths = header.map((_, column) => Math.max(...cells.map((row) => displayWidth(row[column] ?? ''))))
  return cells.map((row) => {
    const padded = row.map((cell, column) => cell + ' '.repeat(widths[column]! - displayWidth(cell)))
    return cut(padded.join('  ').trimEnd(), width)
  })
}

/** Names and values under each other; further lines of a value are indented below its first. */
export function renderPairs(pairs: readonly (readonly [name: string, value: string])[]): string[] {
  const indent = Math.max(0, ...pairs.map(([name]) => displayWidth(name))) + 2
  return pairs.flatMap(([name, value]) =>
    value
      .replace(/\n$/, '')
      .split('\n')
      .map((line, index) => ((index === 0 ? name : '').padEnd(indent) + printable(line)).trimEnd()),
  )
}

/** Control characters as `\x1b`, so that a file's name cannot move the cursor or change colours. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const code = character.codePointAt(0)!.toString(16)
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`
  })
}

/** `1.4 MiB`; bytes below 1024 as they are. */
export function sizeInWords(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let value = sizeBytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`
}

/** `2026-11-23 14:03:05` in local time. */
export function localTime(atMs: number): string {
  const date = new Date(atMs)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** `1 upload`, `3 uploads`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Cells that a terminal uses: two for East Asian wide characters and emoji, none for combining marks. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) {
    if (/\p{M}|\u200d|\ufe0f/u.test(character)) continue
    width += isWide(character.codePointAt(0)!) ? 2 : 1
  }
  return width
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1f64f) ||
    (code >= 0x1f900 && code <= 0x1f9ff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  )
}

function cut(line: string, width: number): string {
  if (displayWidth(line) <= width) return line
  let kept = ''
  for (const character of line) {
    if (displayWidth(kept + character) > width - 1) break
    kept += character
  }
  return `${kept}…`
}
