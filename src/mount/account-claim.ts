import { join } from 'node:path'
import { delay, type Clock } from '../base/clock.ts'
import { Mutex } from '../base/mutex.ts'
import { isProcessAlive } from '../base/process-state.ts'
import { OUR_MOUNT_TYPE, readMounts } from '../fuse/mountinfo.ts'
import { AccountLock, accountHash } from './account-lock.ts'
import { connectTo } from './control-client.ts'
import { readRecord, removeFile, writeRecord } from './registry.ts'
import { ensureRuntimeFolder } from './runtime-folder.ts'
import { MountError, type MountState, type RunningMount } from './spec.ts'

/** How often a new mount looks whether its predecessor has sent everything. */
const POLL_MS = 200
/** `listRunning` holds the lock of a dead process for a moment; so often is that given time to pass. */
const PASSING_HOLDER_POLLS = 5
/** The kernel's limit for the path of a socket, less the byte that ends it (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107

export interface ClaimRequest {
  readonly runtimeFolder: string
  /** The same for every way to say which account is meant: the server and the user's id. */
  readonly accountId: string
  /** For people. */
  readonly account: string
  readonly mountpoint: string
  readonly clock: Clock
  readonly signal?: AbortSignal
  /** Called once when the account's last mount is not at its end yet. */
  readonly onWaiting?: (sentence: string) => void
  /** Whether the folder of another process's mount is mounted; asks the kernel unless a test says otherwise. */
  readonly isInPlace?: (holder: RunningMount) => Promise<boolean>
}

/** The account is this process's until `release`. */
export class AccountClaim {
  readonly #lock: AccountLock
  readonly #recordPath: string
  #record: RunningMount
  #isWritten = false
  #isReleased = false
  /** One change of the record at a time. */
  readonly #writing = new Mutex()

  constructor(lock: AccountLock, recordPath: string, record: RunningMount) {
    this.#lock = lock
    this.#recordPath = recordPath
    this.#record = record
  }

  get record(): RunningMount {
    return this.#record
  }

  /** Nothing happens after `release`: the account may be somebody else's by then. */
  setState(state: MountState): Promise<void> {
    return this.#writing.run(async () => {
      if (this.#isReleased || (state === this.#record.state && this.#isWritten)) return
      this.#record = { ...this.#record, state }
      await writeRecord(this.#recordPath, this.#record)
      this.#isWritten = true
    })
  }

  release(): Promise<void> {
    return this.#writing.run(async () => {
      this.#isReleased = true
      await removeFile(this.#recordPath)
      await removeFile(this.#record.socketPath)
      await this.#lock.release()
    })
  }
}

/**
 * Takes the account for this process; waits while its last mount, whose folder is not mounted any more, comes to its end.
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

async function takeWhenFree(request: ClaimRequest, hash: string, recordPath: string): Promise<AccountLock> {
  let hasSaidSo = false
  let patience = PASSING_HOLDER_POLLS
  for (;;) {
    const lock = await AccountLock.take(request.runtimeFolder, hash)
    if (lock) return lock
    const holder = await readRecord(recordPath)
    if (holder && (await isEnding(holder, request))) {
      if (!hasSaidSo) request.onWaiting?.(waitingSentence(holder))
      hasSaidSo = true
    } else {
      const isAlive = holder !== undefined && (await isProcessAlive(holder.pid))
      if (isAlive || patience === 0) throw new MountError(heldSentence(request, holder))
      patience -= 1
    }
    await delay(request.clock, POLL_MS, request.signal)
  }
}

/** Its folder is gone, whether it has noticed that (somebody may have run fusermount3 a moment ago) or not. */
async function isEnding(
  holder: RunningMount,
  { isInPlace = holdersFolderIsMounted }: ClaimRequest,
): Promise<boolean> {
  if (holder.state === 'draining') return true
  if (holder.state === 'starting' || !(await isProcessAlive(holder.pid))) return false
  if (await isInPlace(holder)) return false
  await noticeNow(holder)
  return true
}

/** As the holder sees it: its mounts may be others than ours (mount_namespaces(7)). */
async function holdersFolderIsMounted({ pid, mountpoint }: RunningMount): Promise<boolean> {
  // Not told to everybody (a process of another user, one that has just ended): then what we see must do.
  const mounts = await readMounts(pid).catch(() => readMounts())
  return mounts.some((mount) => mount.mountpoint === mountpoint && mount.type === OUR_MOUNT_TYPE)
}

/** To be asked to unmount makes it look at once; there is nothing left for it to take away. It may be gone already, which is as good. */
async function noticeNow(holder: RunningMount): Promise<void> {
  try {
    const client = await connectTo(holder)
    await client.call('unmount').finally(() => client.close())
  } catch (error) {
    if (!(error instanceof MountError)) throw error
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
  return (
    `waiting for process ${pid}: ${mountpoint} is unmounted, but what was written to it is still being sent, ` +
    'or a program has a file of it open'
  )
}
