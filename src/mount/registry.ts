/** The records of the processes that serve mounts: one file an account, beside its control socket. */
import { readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../base/atomic-file.ts'
import { AccountLock } from './account-lock.ts'
import { defaultRuntimeFolder } from './runtime-folder.ts'
import type { RunningMount, ServingProcess } from './spec.ts'

const RECORD_VERSION = 2

/** The mounts that processes serve now, or still send what was written to them. */
export async function listRunning(runtimeFolder: string = defaultRuntimeFolder()): Promise<RunningMount[]> {
  const names = await readdir(runtimeFolder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const running: RunningMount[] = []
  for (const name of names.filter((name) => name.endsWith('.json')).sort()) {
    const record = await readRecord(join(runtimeFolder, name))
    if (record && (await isHeld(runtimeFolder, name.slice(0, -'.json'.length), record)))
      running.push(...mountsOf(record))
  }
  return running
}

/** Each of its mounts by itself. */
export function mountsOf({ mounts, ...serving }: ServingProcess): RunningMount[] {
  return mounts.map((mount) => ({ ...serving, ...mount }))
}

/** Others see the old record or the new one, never half of it. */
export function writeRecord(path: string, record: ServingProcess): Promise<void> {
  return writeFileAtomic(path, `${JSON.stringify({ version: RECORD_VERSION, ...record })}\n`)
}

/** A record whose process is gone is removed on the way. */
async function isHeld(folder: string, hash: string, record: ServingProcess): Promise<boolean> {
  const lock = await AccountLock.take(folder, hash)
  if (!lock) return true
  await removeFile(join(folder, `${hash}.json`))
  await removeFile(record.socketPath)
  await lock.release()
  return false
}

/** Undefined: no such record, or one that nobody can read any more. */
export async function readRecord(path: string): Promise<ServingProcess | undefined> {
  try {
    const { version, ...record } = JSON.parse(await readFile(path, 'utf8')) as ServingProcess & {
      version: number
    }
    return version === RECORD_VERSION ? record : undefined
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** No error when it is not there. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}
