/** What a person decides about uploads that were given up: `retry` and `discard`. */
import type { DriveFolder } from '../core/index.ts'
import { askerContext, missingFile, pathIn } from './file-questions.ts'
import { MountError, type ControlCall, type ControlMethods, type Json } from './spec.ts'

export interface UploadQuestionParts {
  readonly folder: Pick<DriveFolder, 'retryUpload' | 'discardUpload'>
  /** Absolute, as the kernel names it. */
  readonly mountpoint: string
}

/** Both take `{ path }` and answer null, or say why not. */
export function uploadQuestions({ folder, mountpoint }: UploadQuestionParts): ControlMethods {
  return {
    retry: async ({ params, signal }) => {
      const { path, names } = fileIn(mountpoint, params)
      const isTried = await folder.retryUpload(names, signal).catch((error: unknown) => {
        throw missingFile(error, params)
      })
      if (!isTried) throw new MountError(`${path} is on the server as it is here: there is nothing to send`)
      return null
    },
    discard: async (call) => {
      const { path } = fileIn(mountpoint, call.params)
      const outcome = await discarded(folder, mountpoint, call)
      if (outcome === 'open')
        throw new MountError(`a program has ${path} open: close it there first, then discard`)
      if (outcome === 'still tried')
        throw new MountError(`the upload of ${path} was not given up: only what was can be discarded`)
      if (outcome === 'nothing to discard')
        throw new MountError(`${path} is on the server as it is here: there is nothing to discard`)
      return null
    },
  }
}

async function discarded(
  folder: UploadQuestionParts['folder'],
  mountpoint: string,
  { params, signal }: ControlCall,
) {
  try {
    return await folder.discardUpload(fileIn(mountpoint, params).names, askerContext(signal))
  } catch (error) {
    throw missingFile(error, params)
  }
}

function fileIn(mountpoint: string, params: Json): { path: string; names: readonly string[] } {
  const path = pathIn(mountpoint, params)
  return { path: `${mountpoint}${path}`, names: path.split('/').filter(Boolean) }
}
