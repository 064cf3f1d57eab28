import fc from 'fast-check'
import type { RemoteMethod } from '../../fakes/memory-remote.ts'

/** Few places, so that the clients meet. */
const folders = ['d', 'd/s', 'e'] as const
const filePaths = ['a', 'b', 'd/a', 'd/b', 'd/s/a'] as const
/** What both find at first. */
export const firstFiles: readonly string[] = ['a', 'b', 'd/a', 'd/s/a']

/** Calls whose answer may be lost: what became of them is not known then. */
const changingMethods = [
  'upload',
  'remove',
  'rename',
  'move',
  'createFolder',
  'copy',
  'patchMetadata',
] as const satisfies readonly RemoteMethod[]
/** A deletion is not among them: one that is late at the server deletes whatever has the name by then. */
const slowMethods = ['upload', 'rename', 'move', 'createFolder', 'copy', 'patchMetadata', 'list'] as const

/** What each operation of a program needs to know. */
interface ProgramDetails {
  /** Reads the file, then empties it and writes it anew. */
  save: { path: string }
  /** Reads the file, then writes behind its end, or over its beginning. */
  change: { path: string; how: 'append' | 'patch' }
  unlink: { path: string }
  rename: { path: string; to: string }
  mkdir: { path: string }
  rmdir: { path: string }
  /** As `rm -r`. */
  removeTree: { path: string }
  renameFolder: { path: string; to: string }
  /** As `cp` of a whole file: a new file, or over what is there. */
  copy: { path: string; to: string }
  chmod: { path: string; mode: number }
  /** `touch -d`: a time that nothing is written at. */
  touch: { path: string; seconds: number }
  note: { path: string; value: string }
  /** Reads, as a thumbnailer does. */
  look: { path: string }
  list: { path: string }
  /** An editor loads a file, and saves it some time later. */
  load: { editor: number; path: string }
  edit: { editor: number; how: 'over' | 'swap' | 'in place' }
  open: { handle: number; path: string }
  write: { handle: number; how: 'append' | 'patch' }
  close: { handle: number }
}

/** What happens to a client. */
interface FateDetails {
  crash: object
  network: { isUp: boolean }
  loseAnswers: { method: (typeof changingMethods)[number] }
  /** Answers of the method do not come before `release`. */
  hold: { method: (typeof slowMethods)[number] | 'remove' | 'info'; at: 'before' | 'after' }
  release: object
  forget: object
}

export interface Details extends ProgramDetails, FateDetails {
  wait: { ms: number }
}

export type ClientName = 'one' | 'two'
export type OperationName = keyof Details
export type OperationOf<Name extends OperationName> = {
  [N in Name]: { readonly do: N; readonly client: ClientName } & Readonly<Details[N]>
}[Name]
export type ProgramOperation = OperationOf<keyof ProgramDetails>
export type FateOperation = OperationOf<keyof FateDetails>
export type Operation = ProgramOperation | FateOperation | OperationOf<'wait'>

const fates = {
  crash: true,
  network: true,
  loseAnswers: true,
  hold: true,
  release: true,
  forget: true,
} as const satisfies Record<keyof FateDetails, true>

export function isFate(operation: Operation): operation is FateOperation {
  return operation.do in fates
}

const file = fc.constantFrom(...filePaths)
const folder = fc.constantFrom(...folders)
const anyFolder = fc.constantFrom('', ...folders)
const anyPlace = fc.constantFrom(...filePaths, ...folders)
const editor = fc.nat({ max: 1 })
const handle = fc.nat({ max: 1 })
const how = fc.constantFrom('append' as const, 'patch' as const)

function weighted<N extends OperationName>(
  weight: number,
  name: N,
  details: { [K in keyof Details[N]]: fc.Arbitrary<Details[N][K]> },
): fc.WeightedArbitrary<Operation> {
  const client = fc.constantFrom('one', 'two')
  const record = fc.record({ do: fc.constant(name), client, ...details })
  return { weight, arbitrary: record as unknown as fc.Arbitrary<Operation> }
}

const operation: fc.Arbitrary<Operation> = fc.oneof(
  weighted(14, 'save', { path: file }),
  weighted(6, 'change', { path: file, how }),
  weighted(6, 'unlink', { path: file }),
  weighted(8, 'rename', { path: file, to: file }),
  weighted(3, 'mkdir', { path: folder }),
  weighted(2, 'rmdir', { path: folder }),
  weighted(2, 'removeTree', { path: folder }),
  weighted(3, 'renameFolder', { path: folder, to: folder }),
  weighted(5, 'copy', { path: file, to: file }),
  weighted(2, 'chmod', { path: anyPlace, mode: fc.constantFrom(0o600, 0o640, 0o755) }),
  weighted(2, 'touch', { path: file, seconds: fc.integer({ min: 1_000, max: 9_999 }) }),
  weighted(2, 'note', { path: anyPlace, value: fc.constantFrom('red', 'green', 'blue') }),
  weighted(3, 'look', { path: file }),
  weighted(3, 'list', { path: anyFolder }),
  weighted(4, 'load', { editor, path: file }),
  weighted(4, 'edit', { editor, how: fc.constantFrom('over', 'swap', 'in place') }),
  weighted(3, 'open', { handle, path: file }),
  weighted(4, 'write', { handle, how }),
  weighted(3, 'close', { handle }),
  weighted(4, 'crash', {}),
  weighted(5, 'network', { isUp: fc.boolean() }),
  weighted(3, 'loseAnswers', { method: fc.constantFrom(...changingMethods) }),
  weighted(2, 'hold', { method: fc.constantFrom(...slowMethods), at: fc.constantFrom('before', 'after') }),
  weighted(1, 'hold', { method: fc.constant('remove'), at: fc.constant('after') }),
  // What is saved between the last look and the deletion goes to the trash with the file.
  weighted(1, 'hold', { method: fc.constant('info'), at: fc.constant('before') }),
  weighted(3, 'release', {}),
  weighted(1, 'forget', {}),
  weighted(16, 'wait', { ms: fc.constantFrom(100, 600, 2_000, 31_000) }),
)

/** The same operations for the same seed. */
export function randomOperations(seed: number, count: number): readonly Operation[] {
  const sequence = fc.array(operation, { minLength: count, maxLength: count, size: 'max' })
  return fc.sample(sequence, { seed, numRuns: 1, unbiased: true })[0] ?? []
}
