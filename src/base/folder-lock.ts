import { randomUUID } from 'node:crypto'
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { processState } from './process-state.ts'

interface Holder {
  readonly pid: number
  /** Start of that process in clock ticks since boot (proc(5), stat field 22): tells it from a later one with its pid. */
  readonly startTicks: string
}

/** A folder that another process uses. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError'
  readonly pid: number

  constructor(folder: string, pid: number) {
    super(`${folder} is in use by process ${pid}; it holds changes of the same account, so only one may run`)
    this.pid = pid
  }
}

/**
 * Takes `folder` for this process; the returned function gives it back. The lock of a dead process is taken over.
 * @throws {FolderInUseError} when a living process has it
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock')
  const own = join(folder, `lock.${randomUUID()}`)
  await writeFile(own, JSON.stringify(await thisProcess()), { mode: 0o600, flag: 'wx' })
  try {
    while (!(await tryLink(own, path))) await removeStale(folder, path)
  } finally {
    await unlink(own)
  }
  return () => unlink(path)
}

/** A hard link is made or not made, whole, also when two processes try at the same moment. */
async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function removeStale(folder: string, path: string): Promise<void> {
  const holder = await readHolder(path)
  if (holder && (await isAlive(holder))) throw new FolderInUseError(folder, holder.pid)
  // Moved aside first: if somebody else took the lock over in between, it is theirs that was moved, and it goes back.
  const aside = join(folder, `lock.${randomUUID()}`)
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const moved = await readHolder(aside)
  if (moved && (await isAlive(moved))) await tryLink(aside, path)
  await unlink(aside)
}

async function thisProcess(): Promise<Holder> {
  return { pid: process.pid, startTicks: (await processState(process.pid))?.startTicks ?? '' }
}

async function isAlive({ pid, startTicks }: Holder): Promise<boolean> {
  const state = await processState(pid)
  return state !== undefined && !state.hasEnded && state.startTicks === startTicks
}

/** undefined: no lock, or one whose writer died before it wrote. */
async function readHolder(path: string): Promise<Holder | undefined> {
  const text = await readIfThere(path)
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Holder)
  } catch {
    return undefined // a torn lock says nothing about a living process: locks are linked only when complete
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
