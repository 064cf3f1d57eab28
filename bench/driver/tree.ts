/**
 * What every null filesystem shows: `list`, a folder of 10,000 empty files; `large`, a file of zeros; `sink`, a file that takes what is
 * written and keeps nothing.
 */
export const LIST_INO = 2
export const LARGE_INO = 3
export const SINK_INO = 4
export const FIRST_LISTED_INO = 1_000
export const LISTED_FILES = 10_000
export const LARGE_BYTES = 256 * 1024 * 1024
export const MTIME_SECONDS = 1_700_000_000

/** The same for the C programs. */
export const definitions: readonly string[] = Object.entries({
  LIST_INO,
  LARGE_INO,
  SINK_INO,
  FIRST_LISTED_INO,
  LISTED_FILES,
  LARGE_BYTES: `${LARGE_BYTES}LL`,
  MTIME_SECONDS,
}).map(([name, value]) => `-D${name}=${value}`)

export const topNames: readonly { readonly name: string; readonly ino: number }[] = [
  { name: 'list', ino: LIST_INO },
  { name: 'large', ino: LARGE_INO },
  { name: 'sink', ino: SINK_INO },
]

export function isFolder(ino: number): boolean {
  return ino === 1 || ino === LIST_INO
}

export function sizeOf(ino: number): number {
  if (isFolder(ino)) return 4096
  return ino === LARGE_INO ? LARGE_BYTES : 0
}

/** 0: there is no such name. */
export function childOf(parent: number, name: string): number {
  if (parent === LIST_INO) {
    const index = name.startsWith('f') ? Number(name.slice(1)) : Number.NaN
    return index >= 0 && index < LISTED_FILES ? FIRST_LISTED_INO + index : 0
  }
  return parent === 1 ? (topNames.find((top) => top.name === name)?.ino ?? 0) : 0
}

export function isThere(ino: number): boolean {
  return (
    isFolder(ino) ||
    ino === LARGE_INO ||
    ino === SINK_INO ||
    (ino >= FIRST_LISTED_INO && ino < FIRST_LISTED_INO + LISTED_FILES)
  )
}

/** Positions in a folder, without the dots. */
export function namesIn(folder: number): number {
  return folder === LIST_INO ? LISTED_FILES : topNames.length
}

export function nameAt(folder: number, index: number): { readonly name: string; readonly ino: number } {
  return folder === LIST_INO ? { name: `f${index}`, ino: FIRST_LISTED_INO + index } : topNames[index]!
}
