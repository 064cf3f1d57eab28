/** What a person decides about changes that wait, were given up or refused: `retry`, `retryAll`, `saveAs` and `discard`. */
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { countOf, FsError, type DiscardOutcome, type DriveFolder, type PendingChange } from '../core/index.ts'
import type { DiscardedResult, RetriedResult } from './control-results.ts'
import { askerContext, memberOf, missingFile, pathIn } from './file-questions.ts'
import { MountError, type ControlCall, type ControlMethods, type Json } from './spec.ts'

export interface UploadQuestionParts {
  readonly folder: Pick<DriveFolder, 'retry' | 'retryAll' | 'readUnsent' | 'discard'>
  /** Absolute, as the kernel names it. */
  readonly mountpoint: string
}

/** `retry` and `discard` take `{ path }`; `retry` answers null, or says why not; the others are in control-results.ts. */
export function uploadQuestions({ folder, mountpoint }: UploadQuestionParts): ControlMethods {
  return {
    retry: async ({ params, signal }) => {
      const { path, names } = fileIn(mountpoint, params)
      const isTried = await folder.retry(names, askerContext(signal)).catch((error: unknown) => {
        throw inTheWay(error, params)
      })
      if (!isTried) throw new MountError(`${path} is on the server as it is here: there is nothing to send`)
      return null
    },
    retryAll: async ({ signal }) => {
      const result: RetriedResult = countsOf(await folder.retryAll(askerContext(signal)))
      return { ...result }
    },
    saveAs: async (call) => ({ sizeBytes: await saved(folder, mountpoint, call) }),
    discard: async (call) => {
      const { path } = fileIn(mountpoint, call.params)
      const outcome = await discarded(folder, mountpoint, call)
      const why = whyKept[outcome]
      if (why !== undefined) throw new MountError(why(path))
      const result: DiscardedResult = { what: outcome as DiscardedResult['what'] }
      return { ...result }
    },
  }
}

/** Contents, and everything else. */
export function countsOf(changes: readonly PendingChange[]): RetriedResult {
  const files = countOf(changes.filter(({ kind }) => kind === 'content'))
  return { files, others: countOf(changes) - files }
}

const whyKept: Partial<Record<DiscardOutcome, (path: string) => string>> = {
  open: (path) => `a program has ${path} open: close it there first, then discard`,
  'still tried': (path) => `${path} was not given up, and is still tried: only what was can be discarded`,
  'nothing to discard': (path) => `${path} is on the server as it is here: there is nothing to discard`,
  'not empty': (path) =>
    `${path} is a new folder that the server refuses, and what is in it is only here: move that elsewhere or delete it first, or rename the folder`,
  'name taken': (path) =>
    `something else has the former name of ${path} by now: rename that first, then discard`,
  'has replaced': (path) =>
    `${path} has replaced something else, which would be lost: rename it by hand to what it is to be called`,
  'folder deleted': (path) => `the folder that ${path} was in is deleted too: discard that first`,
  deleted: (path) => `the server has deleted ${path} by now: its trash may have it`,
  'being deleted': (path) => `${path} is being deleted at the server just now`,
}

async function discarded(
  folder: UploadQuestionParts['folder'],
  mountpoint: string,
  { params, signal }: ControlCall,
) {
  try {
    return await folder.discard(fileIn(mountpoint, params).names, askerContext(signal))
  } catch (error) {
    throw inTheWay(error, params)
  }
}

/** As a sentence for who asked. */
function inTheWay(error: unknown, params: Json): unknown {
  const missing = missingFile(error, params)
  if (missing !== error || !(error instanceof FsError)) return missing
  return new MountError(error.message.replace(/^E[A-Z]+: /, ''), { cause: error })
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
