import type { Operation, PathPick } from './operations.ts'

export interface Regression {
  readonly name: string
  readonly operations: readonly Operation[]
}

/** `fresh` picks in an empty tree: names of the pool in the root. */
function named(m: number): PathPick {
  return { at: 'fresh', n: 0, m }
}

function small(seed: number): { sizeBytes: number; seed: number } {
  return { sizeBytes: 20, seed }
}

/**
 * Sequences that must stay right: shrunk failures of the random runs go here as they were printed, with a name that says
 * what was wrong. The first ones are sequences that this kind of filesystem is known to get wrong.
 */
export const regressions: readonly Regression[] = [
  {
    name: 'a new file that is renamed over a symbolic link takes its place',
    operations: [
      { op: 'symlink', path: named(0), target: 'nowhere' },
      { op: 'writeFile', path: named(1), content: small(1) },
      { op: 'rename', path: named(1), to: named(0) },
      { op: 'settle' },
      { op: 'read', path: named(0) },
    ],
  },
  {
    name: 'a name freed by a rename is taken before the rename reached the server',
    operations: [
      { op: 'writeFile', path: named(0), content: small(1) },
      { op: 'settle' },
      { op: 'rename', path: named(0), to: named(1) },
      { op: 'writeFile', path: named(0), content: small(2) },
      { op: 'rename', path: named(0), to: named(1) },
      { op: 'settle' },
      { op: 'read', path: named(1) },
    ],
  },
  {
    name: 'an unlinked open file does not come back with its last write',
    operations: [
      { op: 'open', path: named(0), mode: 'w+' },
      { op: 'handleWrite', handle: 0, offset: 0, content: small(1) },
      { op: 'settle' },
      { op: 'unlink', path: named(0) },
      { op: 'handleWrite', handle: 0, offset: 5, content: small(2) },
      { op: 'settle' },
      { op: 'close', handle: 0 },
      { op: 'settle' },
      { op: 'read', path: named(0) },
    ],
  },
  {
    name: 'a folder is renamed while a file in it waits for its upload, and its old name is made again',
    operations: [
      { op: 'mkdir', path: named(0) },
      { op: 'writeFile', path: { at: 'fresh', n: 1, m: 1 }, content: small(1) },
      { op: 'rename', path: named(0), to: named(2) },
      { op: 'mkdir', path: named(0) },
      { op: 'settle' },
      { op: 'remount' },
      { op: 'readdir', path: { at: 'folder', n: 0, m: 0 } },
      { op: 'readdir', path: { at: 'folder', n: 1, m: 0 } },
    ],
  },
  {
    name: 'a file shrinks, is uploaded and grows again: zeros, not old bytes',
    operations: [
      { op: 'writeFile', path: named(0), content: { sizeBytes: 200_000, seed: 1 } },
      { op: 'settle' },
      { op: 'truncate', path: named(0), sizeBytes: 10 },
      { op: 'settle' },
      { op: 'truncate', path: named(0), sizeBytes: 150_000 },
      { op: 'read', path: named(0) },
      { op: 'settle' },
    ],
  },
  {
    name: 'editors save again and again around uploads',
    operations: [
      { op: 'writeFile', path: named(0), content: small(1) },
      { op: 'saveAsVim', path: named(0), content: small(2) },
      { op: 'settle' },
      { op: 'saveAsOffice', path: named(0), content: small(3) },
      { op: 'saveAsVim', path: named(0), content: small(4) },
      { op: 'settle' },
      { op: 'saveAsVim', path: named(0), content: small(5) },
      { op: 'saveAsOffice', path: named(0), content: small(6) },
      { op: 'remount' },
      { op: 'read', path: named(0) },
    ],
  },
  {
    name: 'an empty new file keeps its time when the server has it',
    operations: [
      { op: 'writeFile', path: { at: 'fresh', n: 795, m: 157 }, content: { sizeBytes: 0, seed: 2486 } },
      { op: 'stat', path: { at: 'any', n: 270, m: 92 } },
      { op: 'settle' },
      { op: 'stat', path: { at: 'any', n: 270, m: 92 } },
    ],
  },
  {
    name: 'an uploaded file that is unlinked while it is open goes, though its folder is forgotten',
    operations: [
      { op: 'mkdir', path: { at: 'fresh', n: 25, m: 317 } },
      { op: 'open', path: { at: 'file', n: 395, m: 493 }, mode: 'a+' },
      { op: 'settle' },
      { op: 'unlink', path: { at: 'any', n: 627, m: 295 } },
    ],
  },
]
