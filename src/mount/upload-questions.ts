/** What a person decides about uploads that wait or were given up: `retry`, `retryAll`, `saveAs` and `discard`. */
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import type { DriveFolder } from '../core/index.ts'
import { askerContext, memberOf, missingFile, pathIn } from './file-questions.ts'
import { MountError, type ControlCall, type ControlMethods, type Json } from './spec.ts'

export interface UploadQuestionParts {
  readonly folder: Pick<DriveFolder, 'retryUpload' | 'retryAll' | 'readUnsent' | 'discardUpload'>
  /** Absolute, as the kernel names it. */
  readonly mountpoint: string
}

/** `retry` and `discard` take `{ path }` and answer null, or say why not; the others are in control-results.ts. */
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
    retryAll: async () => ({ files: await folder.retryAll() }),
    saveAs: async (call) => ({ sizeBytes: await saved(folder, mountpoint, call) }),
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

/** The target is there as a whole, or not at all. */
async function saved(
  folder: UploadQuestionParts['folder'],
  mountpoint: string,
  { params, signal }: ControlCall,
): Promise<number> {
  const { path, names } = fileIn(mountpoint, params)
  const target = targetIn(mountpoint, params)
  const file = await newFile(target)
  let sizeBytes = 0
  let isWhole = false
  try {
    const isUnsent = await folder.readUnsent(names, askerContext(signal), async (bytes) => {
      await file.writeFile(bytes)
      sizeBytes += bytes.length
    })
    if (!isUnsent) throw new MountError(`${path} is on the server as it is here: copy it from there`)
    await file.datasync()
    isWhole = true
    return sizeBytes
  } catch (error) {
    throw missingFile(error, params)
  } finally {
    await file.close()
    if (!isWhole) await unlink(target)
  }
}

async function newFile(target: string): Promise<FileHandle> {
  try {
    return await open(target, 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new MountError(`${target} exists already: say the name of a new file`, { cause: error })
    throw new MountError(`${target} cannot be written: ${(error as Error).message}`, { cause: error })
  }
}

/** @throws {MountError} where writing would be an upload again */
function targetIn(mountpoint: string, params: Json): string {
  const target = memberOf(params, 'target')
  if (typeof target !== 'string' || !isAbsolute(target))
    throw new MountError('there is no file named to save to')
  if (target === mountpoint || target.startsWith(`${mountpoint}/`))
    throw new MountError(`${target} is in the mounted folder itself: say a file outside of it`)
  return target
}

export function fileIn(mountpoint: string, params: Json): { path: string; names: readonly string[] } {
  const path = pathIn(mountpoint, params)
  return { path: `${mountpoint}${path}`, names: path.split('/').filter(Boolean) }
}
