import fc from 'fast-check'

/**
 * Which path an operation is about, decided against the tree as it is when the operation's turn comes, so that random
 * operations mostly hit something, and any part of a sequence is a sequence again (which makes shrinking simple).
 */
export interface PathPick {
  readonly at: 'file' | 'folder' | 'link' | 'any' | 'fresh' | 'pool'
  readonly n: number
  readonly m: number
}

/** Bytes by recipe: failures print short. */
export interface Content {
  readonly sizeBytes: number
  readonly seed: number
}

export type OpenMode = 'r' | 'r+' | 'w' | 'w+' | 'wx' | 'a' | 'a+'

/** What each operation needs to know. */
interface Details {
  writeFile: { path: PathPick; content: Content }
  writeAt: { path: PathPick; offset: number; content: Content }
  append: { path: PathPick; content: Content }
  truncate: { path: PathPick; sizeBytes: number }
  copyFile: { path: PathPick; to: PathPick }
  read: { path: PathPick }
  unlink: { path: PathPick }
  saveAsOffice: { path: PathPick; content: Content }
  saveAsVim: { path: PathPick; content: Content }
  mkdir: { path: PathPick }
  rmdir: { path: PathPick }
  rename: { path: PathPick; to: PathPick }
  link: { path: PathPick; to: PathPick }
  symlink: { path: PathPick; target: string }
  readdir: { path: PathPick }
  stat: { path: PathPick }
  readlink: { path: PathPick }
  open: { path: PathPick; mode: OpenMode }
  handleWrite: { handle: number; offset: number; content: Content }
  handleRead: { handle: number; offset: number; length: number }
  handleTruncate: { handle: number; sizeBytes: number }
  handleStat: { handle: number }
  handleSync: { handle: number }
  close: { handle: number }
  setxattr: { path: PathPick; name: string; value: Content }
  getxattr: { path: PathPick; name: string }
  removexattr: { path: PathPick; name: string }
  listxattr: { path: PathPick }
  chmod: { path: PathPick; mode: number }
  utimes: { path: PathPick; mtimeNs: string }
  settle: object
  remount: object
}

export type OperationName = keyof Details
/** The operations of these names. */
export type OperationOf<Name extends OperationName> = {
  [N in Name]: { readonly op: N } & Readonly<Details[N]>
}[Name]
export type Operation = OperationOf<OperationName>

/** Few names, so that they collide; one that Cloudreve forbids, one that editors use. */
export const poolNames = ['a', 'b', 'c', 'd.txt', 'e:f', 'a~'] as const

const index = fc.nat({ max: 997 })

function pick(...at: readonly PathPick['at'][]): fc.Arbitrary<PathPick> {
  return fc.record({ at: fc.constantFrom(...at), n: index, m: index })
}

const sizeBytes = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 200 }) },
  { weight: 3, arbitrary: fc.nat({ max: 20_000 }) },
  { weight: 1, arbitrary: fc.nat({ max: 300_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 4095, 4096, 4097, 131_072, 131_073) },
)
const content: fc.Arbitrary<Content> = fc.record({ sizeBytes, seed: fc.integer({ min: 1, max: 10_000 }) })
const value: fc.Arbitrary<Content> = fc.record({
  sizeBytes: fc.nat({ max: 120 }),
  seed: fc.integer({ min: 1, max: 10_000 }),
})
const xattrName = fc.constantFrom('user.a', 'user.b', 'user.c.d')
const atLeastOne = sizeBytes.map((size) => Math.max(1, size))
/** node:fs makes no call for nothing, so the kernel's checks of the handle would not be seen. */
const someContent: fc.Arbitrary<Content> = fc.record({
  sizeBytes: atLeastOne,
  seed: fc.integer({ min: 1, max: 10_000 }),
})
const handle = fc.nat({ max: 5 })

/** A file most of the time, now and then something else or nothing. */
const someFile = pick('file', 'file', 'file', 'file', 'any', 'link', 'pool')
const someFolder = pick('folder', 'folder', 'folder', 'any', 'pool')
const newName = pick('fresh', 'fresh', 'fresh', 'pool', 'any')
const anything = pick('any', 'any', 'any', 'pool')

type Weighted = fc.WeightedArbitrary<Operation>

function weighted<N extends OperationName>(
  weight: number,
  op: N,
  details: { [K in keyof Details[N]]: fc.Arbitrary<Details[N][K]> },
): Weighted {
  const record = fc.record({ op: fc.constant(op), ...details })
  return { weight, arbitrary: record as unknown as fc.Arbitrary<Operation> }
}

const files: readonly Weighted[] = [
  weighted(10, 'writeFile', { path: pick('fresh', 'fresh', 'file', 'any'), content }),
  weighted(6, 'writeAt', { path: someFile, offset: sizeBytes, content }),
  weighted(4, 'append', { path: someFile, content }),
  weighted(4, 'truncate', { path: someFile, sizeBytes }),
  weighted(6, 'copyFile', { path: pick('file'), to: pick('fresh', 'fresh', 'fresh', 'file') }),
  weighted(8, 'read', { path: someFile }),
  weighted(6, 'unlink', { path: pick('file', 'file', 'link', 'any') }),
  weighted(5, 'saveAsOffice', { path: someFile, content }),
  weighted(4, 'saveAsVim', { path: someFile, content }),
]

const names: readonly Weighted[] = [
  weighted(5, 'mkdir', { path: newName }),
  weighted(3, 'rmdir', { path: someFolder }),
  weighted(9, 'rename', { path: anything, to: newName }),
  weighted(4, 'rename', { path: someFile, to: someFile }),
  weighted(2, 'rename', { path: someFolder, to: someFolder }),
  weighted(1, 'link', { path: someFile, to: newName }),
  weighted(2, 'symlink', {
    path: newName,
    // Never above the folder of the run, which is not the engine's.
    target: fc.constantFrom('a', 'b', 'c/a', 'b/a', '.', 'nowhere', 'd.txt'),
  }),
  weighted(4, 'readdir', { path: someFolder }),
  weighted(5, 'stat', { path: anything }),
  weighted(1, 'readlink', { path: pick('link', 'any') }),
]

const handles: readonly Weighted[] = [
  weighted(6, 'open', {
    path: pick('file', 'file', 'fresh', 'any', 'pool'),
    mode: fc.constantFrom('r', 'r+', 'r+', 'w', 'w+', 'wx', 'a', 'a+'),
  }),
  weighted(8, 'handleWrite', { handle, offset: sizeBytes, content: someContent }),
  weighted(6, 'handleRead', { handle, offset: sizeBytes, length: atLeastOne }),
  weighted(2, 'handleTruncate', { handle, sizeBytes }),
  weighted(2, 'handleStat', { handle }),
  weighted(1, 'handleSync', { handle }),
  weighted(7, 'close', { handle }),
]

const attributes: readonly Weighted[] = [
  weighted(3, 'setxattr', { path: anything, name: xattrName, value }),
  weighted(2, 'getxattr', { path: anything, name: xattrName }),
  weighted(1, 'removexattr', { path: anything, name: xattrName }),
  weighted(1, 'listxattr', { path: anything }),
  weighted(2, 'chmod', { path: anything, mode: fc.constantFrom(0o644, 0o755, 0o600, 0o711) }),
  weighted(2, 'utimes', {
    path: anything,
    mtimeNs: fc.constantFrom('981173106123456789', '1700000000000000001', '1'),
  }),
]

const times: readonly Weighted[] = [weighted(3, 'settle', {}), weighted(1, 'remount', {})]

const operation: fc.Arbitrary<Operation> = fc.oneof(...files, ...names, ...handles, ...attributes, ...times)

/** The same operations for the same seed. */
export function randomOperations(seed: number, count: number): readonly Operation[] {
  const sequence = fc.array(operation, { minLength: count, maxLength: count, size: 'max' })
  return fc.sample(sequence, { seed, numRuns: 1, unbiased: true })[0] ?? []
}
