import { readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../base/atomic-file.ts'
import { delay, type Clock } from '../base/clock.ts'
import { AccountLock, accountHash } from './account-lock.ts'
import { defaultRuntimeFolder, ensureRuntimeFolder } from './runtime-folder.ts'
import { MountError, type MountState, type RunningMount } from './spec.ts'

/** How often a new mount looks whether its predecessor has sent everything. */
const POLL_MS = 200
/** `listRunning` holds the lock of a dead process for a moment; so often is that given time to pass. */
const PASSING_HOLDER_POLLS = 5
/** The kernel's limit for the path of a socket, less the byte that ends it (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107
const RECORD_VERSION = 1

export interface ClaimRequest {
  readonly runtimeFolder: string
  /** The same for every way to say which account is meant: the server and the user's id. */
  readonly accountId: string
  /** For people. */
  readonly account: string
  readonly mountpoint: string
  readonly clock: Clock
  readonly signal?: AbortSignal
  /** Called once when the account's last mount is still sending what was written. */
  readonly onWaiting?: (sentence: string) => void
}

/** The account is this process's until `release`. */
export class AccountClaim {
  readonly #lock: AccountLock
  readonly #recordPath: string
  #record: RunningMount

  constructor(lock: AccountLock, recordPath: string, record: RunningMount) {
    this.#lock = lock
    this.#recordPath = recordPath
    this.#record = record
  }

  get record(): RunningMount {
    return this.#record
  }

  async setState(state: MountState): Promise<void> {
    this.#record = { ...this.#record, state }
    await writeFileAtomic(
      this.#recordPath,
      `${JSON.stringify({ version: RECORD_VERSION, ...this.#record })}\n`,
    )
  }

  async release(): Promise<void> {
    await removeFile(this.#recordPath)
    await removeFile(this.#record.socketPath)
    await this.#lock.release()
  }
}

/**
 * Takes the account for this process; waits while its last mount is draining.
 *
 * @throws {MountError} naming the mountpoint that holds it.
 */
export async function claimAccount(request: ClaimRequest): Promise<AccountClaim> {
  const { runtimeFolder, mountpoint, account, clock } = request
  await ensureRuntimeFolder(runtimeFolder)
  const hash = accountHash(request.accountId)
  const socketPath = join(runtimeFolder, `${hash}.sock`)
  if (Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES) {
    throw new MountError(`the path of the control socket is too long for the kernel: ${socketPath}`)
  }
  const recordPath = join(runtimeFolder, `${hash}.json`)
  const lock = await takeWhenFree(request, hash, recordPath)
  await removeFile(socketPath)
  const record = { pid: process.pid, mountpoint, account, socketPath, startedAt: clock.now() }
  const claim = new AccountClaim(lock, recordPath, { ...record, state: 'starting' })
  await claim.setState('starting')
  return claim
}

/** The processes that serve a mount now, or still send what was written to one. */
export async function listRunning(runtimeFolder: string = defaultRuntimeFolder()): Promise<RunningMount[]> {
  const names = await readdir(runtimeFolder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const running: RunningMount[] = []
  for (const name of names.filter((name) => name.endsWith('.json')).sort()) {
    const record = await readRecord(join(runtimeFolder, name))
    if (record && (await isHeld(runtimeFolder, name.slice(0, -'.json'.length), record))) running.push(record)
  }
  return running
}

async function takeWhenFree(request: ClaimRequest, hash: string, recordPath: string): Promise<AccountLock> {
  let hasSaidSo = false
  let patience = PASSING_HOLDER_POLLS
  for (;;) {
    const lock = await AccountLock.take(request.runtimeFolder, hash)
    if (lock) return lock
    const holder = await readRecord(recordPath)
    const isDraining = holder?.state === 'draining'
    const isAlive = holder !== undefined && processExists(holder.pid)
    if (!isDraining && (isAlive || patience === 0)) throw new MountError(heldSentence(request, holder))
    if (isDraining && !hasSaidSo) request.onWaiting?.(waitingSentence(holder))
    hasSaidSo ||= isDraining
    if (!isDraining) patience -= 1
    await delay(request.clock, POLL_MS, request.signal)
  }
}

function processExists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

function heldSentence({ account }: ClaimRequest, holder: RunningMount | undefined): string {
  if (!holder) return `${account} is being mounted by another process just now`
  const what = holder.state === 'starting' ? 'is just being mounted' : 'is mounted already'
  return (
    `${account} ${what} on ${holder.mountpoint} (process ${holder.pid}); one process serves one account: ` +
    `unmount that folder first (cloudreve-mount umount ${holder.mountpoint})`
  )
}

function waitingSentence({ mountpoint, pid }: RunningMount): string {
  return `waiting for process ${pid}, which still sends what was written to ${mountpoint} before it was unmounted`
}

/** A record whose process is gone is removed on the way. */
async function isHeld(folder: string, hash: string, record: RunningMount): Promise<boolean> {
  const lock = await AccountLock.take(folder, hash)
  if (!lock) return true
  await removeFile(join(folder, `${hash}.json`))
  await removeFile(record.socketPath)
  await lock.release()
  return false
}

/** Undefined: no such record, or one that nobody can read any more. */
async function readRecord(path: string): Promise<RunningMount | undefined> {
  try {
    const { version, ...record } = JSON.parse(await readFile(path, 'utf8')) as RunningMount & {
      version: number
    }
    return version === RECORD_VERSION ? record : undefined
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}
