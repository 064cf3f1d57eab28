/** What a person wants to have on this machine: `warm`, `pin`, `unpin` and `pins`. Progress events are `WarmingProgress`. */
import { join } from 'node:path'
import type { DriveFolder, WarmOptions, WarmProgress, WarmResult } from '../core/index.ts'
import type { PinsResult, UnpinnedResult, WarmedResult } from './control-results.ts'
import { missingFile } from './file-questions.ts'
import { MountError, type ControlCall, type ControlMethods, type Json } from './spec.ts'
import { fileIn } from './upload-questions.ts'

export interface PinQuestionParts {
  readonly folder: Pick<DriveFolder, 'warm' | 'pin' | 'unpin' | 'pinnedPaths'>
  /** Absolute, as the kernel names it. */
  readonly mountpoint: string
}

export function pinQuestions({ folder, mountpoint }: PinQuestionParts): ControlMethods {
  const pathOf = (names: readonly string[]) => join(mountpoint, ...names)
  return {
    warm: async (call) => brought(mountpoint, call, (names, options) => folder.warm(names, options)),
    pin: async (call) => brought(mountpoint, call, (names, options) => folder.pin(names, options)),
    unpin: async ({ params, signal }) => {
      const { path, names } = fileIn(mountpoint, params)
      const outcome = await folder.unpin(names, signal)
      if (outcome === 'not pinned') throw new MountError(`${path} is not pinned`)
      if (outcome !== 'unpinned')
        throw new MountError(`${path} is kept with ${pathOf(outcome.pinnedWith)}: unpin that`)
      const result: UnpinnedResult = { path }
      return { ...result }
    },
    pins: async () => {
      const result: PinsResult = folder.pinnedPaths().map(({ names, files, bytes, trouble = null }) => ({
        path: pathOf(names),
        files,
        bytes,
        trouble,
      }))
      return result as unknown as Json
    },
  }
}

async function brought(
  mountpoint: string,
  { params, signal, progress }: ControlCall,
  work: (names: readonly string[], options: WarmOptions) => Promise<WarmResult>,
): Promise<Json> {
  const { names } = fileIn(mountpoint, params)
  const onProgress = (event: WarmProgress) => progress(event as unknown as Json)
  const {
    files,
    bytes,
    fetchedBytes,
    leftFiles,
    reason = null,
  } = await work(names, {
    signal,
    onProgress,
  }).catch((error: unknown) => {
    throw missingFile(error, params)
  })
  const result: WarmedResult = { files, bytes, fetchedBytes, leftFiles, reason }
  return { ...result }
}
