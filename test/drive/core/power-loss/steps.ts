import fc from 'fast-check'

/** Few places, so that one step meets what another one has left. */
const paths = ['f/a', 'f/b', 'f/d/a', 'f/d/b'] as const
const folders = ['f/d', 'f/e', 'f/d/e'] as const
/** Of somebody else. */
export const theirs: readonly string[] = ['x', 'y']

interface Details {
  /** Empties or makes it, writes, closes. */
  save: { path: string; length: number }
  /** Under another name, which is renamed over it. */
  saveOver: { path: string; length: number }
  /** What was there stays as a backup. */
  saveBeside: { path: string; length: number }
  open: { slot: number; path: string }
  write: { slot: number; at: number; length: number }
  cut: { slot: number; size: number }
  fsync: { slot: number }
  close: { slot: number }
  truncate: { path: string; size: number }
  read: { path: string }
  rename: { path: string; to: string }
  renameFolder: { path: string; to: string }
  unlink: { path: string }
  mkdir: { path: string }
  rmdir: { path: string }
  /** As `cp` does where the kernel offers copy_file_range(2). */
  copy: { path: string; to: string }
  chmod: { path: string; mode: number }
  note: { path: string; value: string }
  fsyncFolder: object
  theySave: { name: string }
  theyRemove: { name: string }
  wait: { ms: number }
  /** Everything is at the server. */
  arrive: object
  /** Of the process alone. */
  kill: object
  /** With so many more changes of the local disk. */
  losePower: { after: number }
}

type StepName = keyof Details
export type StepOf<Name extends StepName> = {
  [N in Name]: { readonly do: N } & Readonly<Details[N]>
}[Name]
export type Step = StepOf<StepName>
export type ProgramStep = StepOf<Exclude<StepName, 'kill' | 'losePower'>>

function weighted<N extends StepName>(
  weight: number,
  name: N,
  details: { [K in keyof Details[N]]: fc.Arbitrary<Details[N][K]> },
): fc.WeightedArbitrary<Step> {
  const record = fc.record({ do: fc.constant(name), ...details })
  return { weight, arbitrary: record as unknown as fc.Arbitrary<Step> }
}

const path = fc.constantFrom(...paths)
const folder = fc.constantFrom(...folders)
const slot = fc.nat({ max: 1 })
/** Some of one block, some of several; the longer ones go out in pieces. */
const length = fc.constantFrom(6, 700, 4096, 9000, 14_000)
const at = fc.constantFrom(0, 3, 4000, 9000)
const name = fc.constantFrom(...theirs)

export const step: fc.Arbitrary<Step> = fc.oneof(
  weighted(8, 'save', { path, length }),
  weighted(3, 'saveOver', { path, length }),
  weighted(3, 'saveBeside', { path, length }),
  weighted(4, 'open', { slot, path }),
  weighted(6, 'write', { slot, at, length }),
  weighted(2, 'cut', { slot, size: fc.constantFrom(0, 5, 5000) }),
  weighted(3, 'fsync', { slot }),
  weighted(3, 'close', { slot }),
  weighted(2, 'truncate', { path, size: fc.constantFrom(0, 5, 5000) }),
  weighted(2, 'read', { path }),
  weighted(6, 'rename', { path, to: path }),
  weighted(3, 'renameFolder', { path: folder, to: folder }),
  weighted(4, 'unlink', { path }),
  weighted(3, 'mkdir', { path: folder }),
  weighted(2, 'rmdir', { path: folder }),
  weighted(3, 'copy', { path, to: path }),
  weighted(2, 'chmod', { path, mode: fc.constantFrom(0o600, 0o640) }),
  weighted(2, 'note', { path, value: fc.constantFrom('red', 'green') }),
  weighted(2, 'fsyncFolder', {}),
  weighted(2, 'theySave', { name }),
  weighted(1, 'theyRemove', { name }),
  weighted(6, 'wait', { ms: fc.constantFrom(100, 1_100, 2_500, 61_000) }),
  weighted(2, 'arrive', {}),
  weighted(2, 'kill', {}),
  weighted(5, 'losePower', { after: fc.oneof(fc.constant(0), fc.nat({ max: 60 })) }),
)
