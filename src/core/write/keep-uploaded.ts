import type { ByteRange } from '../../base/ranges.ts'
import type { EntityId, RemoteEntry } from '../../remote/types.ts'
import type { StagedFile } from './staged-file.ts'

/** Keeps a content that the server has now. `read` answers undefined for what is not here. */
export type KeepUploaded = (
  content: { readonly entity: EntityId; readonly sizeBytes: number },
  read: (range: ByteRange) => Promise<Uint8Array | undefined>,
) => Promise<void>

/** A copy that waits until nobody takes the staged file for a saved one any more. */
export interface WaitingCopy {
  run(): Promise<void>
  /** There will be nothing to copy, if it has not been run. */
  end(): void
}

/** What was uploaded from `staged` is kept as what the server calls `entry`: who reads it meanwhile waits for the copy. */
export function keepUploaded(staged: StagedFile, entry: RemoteEntry, keep: KeepUploaded): WaitingCopy {
  const { promise: begun, resolve: begin } = promiseToBegin()
  const { entity, sizeBytes } = entry
  const isWhole = entity !== undefined && sizeBytes === staged.sizeBytes
  const kept = isWhole
    ? keep({ entity, sizeBytes }, async (range) => ((await begun) ? readStaged(staged, range) : undefined))
    : Promise.resolve()
  return {
    run: () => {
      begin(true)
      return kept
    },
    end: () => begin(false),
  }
}

function promiseToBegin(): { promise: Promise<boolean>; resolve: (isThere: boolean) => void } {
  let resolve!: (isThere: boolean) => void
  const promise = new Promise<boolean>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

async function readStaged(staged: StagedFile, range: ByteRange): Promise<Uint8Array | undefined> {
  const into = new Uint8Array(range.end - range.start)
  const gaps = await staged.read(range, into)
  return gaps.some(({ start, end }) => end > start) ? undefined : into
}
