/**
 * Defects that the runs have found and that are not mended yet. None of them loses a byte; each is counted and printed, so that
 * whoever mends one can see it go, and then takes it off this list.
 */
export const knownDefects = {
  'copy of ourselves':
    'an upload was done, its process died before it heard of that, and the file had changed since: the restored upload does ' +
    'not know its own earlier version, and saves the newer one beside it',
  'left in lost+found':
    'a process died between taking a file off the record and removing its staged copy, which then looks like one that ' +
    'no record ever named',
} as const

export type KnownDefect = keyof typeof knownDefects

/** `a/b-7 (conflict 2026-11-28 19.29 here)` of `a/b-7`. */
export function isCopyOf(path: string, original: string): boolean {
  return path.startsWith(`${original} (conflict `)
}
