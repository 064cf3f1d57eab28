import { join } from 'node:path'
import { delay, type Clock } from '../base/clock.ts'
import { Mutex } from '../base/mutex.ts'
import { isProcessAlive } from '../base/process-state.ts'
import { OUR_MOUNT_TYPE, readMounts } from '../fuse/mountinfo.ts'
import { AccountLock, accountHash } from './account-lock.ts'
import { connectTo } from './control-client.ts'
import { mountsOf, readRecord, removeFile, writeRecord } from './registry.ts'
import { ensureRuntimeFolder } from './runtime-folder.ts'
import { MountError, type MountState, type RunningMount, type ServingProcess } from './spec.ts'

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
  readonly clock: Clock
  readonly signal?: AbortSignal
  /** Called once when the account's last mount is not at its end yet. */
  readonly onWaiting?: (sentence: string) => void
  /** Whether the folder of another process's mount is mounted; asks the kernel unless a test says otherwise. */
  readonly isInPlace?: (holder: RunningMount) => Promise<boolean>
}

/** Another process serves the account, and can serve one more folder of it. */
export interface HeldAccount {
  readonly holder: ServingProcess
}

/** A mount of the account as others see it. */
export interface ClaimedMount {
  readonly record: RunningMount
  /** Nothing happens after `remove`, or when the account is released. */
  setState(state: MountState): Promise<void>
  remove(): Promise<void>
}

/** The account is this process's until `release`. */
export class AccountClaim {
  readonly socketPath: string
  readonly #lock: AccountLock
  readonly #recordPath: string
  readonly #account: string
  readonly #mounts: RunningMount[] = []
  #isReleased = false
  /** One change of the record at a time. */
  readonly #writing = new Mutex()

  constructor(lock: AccountLock, paths: { record: string; socket: string }, account: string) {
    this.#lock = lock
    this.#recordPath = paths.record
    this.socketPath = paths.socket
    this.#account = account
  }

  /** The mounts that are made, there or sent on, the newest last. */
  get mounts(): readonly RunningMount[] {
    return this.#mounts
  }

  /** Tells others of a mount that is being made. */
  async add(mountpoint: string, startedAt: number): Promise<ClaimedMount> {
    const { socketPath } = this
    let record: RunningMount = {
      pid: process.pid,
      mountpoint,
      account: this.#account,
      socketPath,
      startedAt,
      state: 'starting',
    }
    this.#mounts.push(record)
    await this.#write()
    const replace = async (by: readonly RunningMount[]) => {
      const index = this.#mounts.indexOf(record)
      if (index < 0) return
      this.#mounts.splice(index, 1, ...by)
      await this.#write()
    }
    return {
      get record() {
        return record
      },
      setState: async (state) => {
        if (state === record.state) return
        const changed = { ...record, state }
        const written = replace([changed])
        record = changed
        await written
      },
      remove: () => replace([]),
    }
  }

  release(): Promise<void> {
    return this.#writing.run(async () => {
      this.#isReleased = true
      await removeFile(this.#recordPath)
      await removeFile(this.socketPath)
      await this.#lock.release()
    })
  }

  /** Nothing is written after `release`: the account may be somebody else's by then. */
  #write(): Promise<void> {
    return this.#writing.run(async () => {
      if (this.#isReleased) return
      const mounts = this.#mounts.map(({ mountpoint, state, startedAt }) => ({
        mountpoint,
        state,
        startedAt,
      }))
      const { socketPath } = this
      await writeRecord(this.#recordPath, { pid: process.pid, account: this.#account, socketPath, mounts })
    })
  }
}

/**
 * Takes the account for this process; waits while its last mount, whose folder is not mounted any more, comes to its end.
 *
 * @returns who has it, when that is a process that serves on
 * @throws {MountError} when nobody can tell who has it
 */
export async function claimAccount(request: ClaimRequest): Promise<AccountClaim | HeldAccount> {
  const { runtimeFolder, account } = request
  await ensureRuntimeFolder(runtimeFolder)
  const hash = accountHash(request.accountId)
  const socket = join(runtimeFolder, `${hash}.sock`)
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH_BYTES) {
    throw new MountError(`the path of the control socket is too long for the kernel: ${socket}`)
  }
  const record = join(runtimeFolder, `${hash}.json`)
  const taken = await takeWhenFree(request, hash, record)
  if (!(taken instanceof AccountLock)) return { holder: taken }
  await removeFile(socket)
  await removeFile(record)
  return new AccountClaim(taken, { record, socket }, account)
}

async function takeWhenFree(
  request: ClaimRequest,
  hash: string,
  recordPath: string,
): Promise<AccountLock | ServingProcess> {
  let hasSaidSo = false
  let patience = PASSING_HOLDER_POLLS
  for (;;) {
    const lock = await AccountLock.take(request.runtimeFolder, hash)
    if (lock) return lock
    const holder = await readRecord(recordPath)
    const doing = await whatItDoes(holder, request)
    if (doing === 'serving') return holder!
    if (doing === 'ending') {
      if (!hasSaidSo) request.onWaiting?.(waitingSentence(holder!))
      hasSaidSo = true
    } else if (doing === 'unknown') {
      if (patience === 0) throw new MountError(heldSentence(request))
      patience -= 1
    }
    await delay(request.clock, POLL_MS, request.signal)
  }
}

type Doing =
  /** A folder of it is mounted. */
  | 'serving'
  /** It is about to. */
  | 'starting'
  /** None is any more, whether it has noticed that (somebody may have run fusermount3 a moment ago) or not. */
  | 'ending'
  /** Dead, or not to be found. */
  | 'unknown'

async function whatItDoes(holder: ServingProcess | undefined, request: ClaimRequest): Promise<Doing> {
  if (!holder || !(await isProcessAlive(holder.pid))) return 'unknown'
  const { isInPlace = holdersFolderIsMounted } = request
  const mounts = mountsOf(holder)
  const gone: RunningMount[] = []
  for (const mount of mounts.filter(({ state }) => state === 'mounted')) {
    if (await isInPlace(mount)) return 'serving'
    gone.push(mount)
  }
  if (mounts.some(({ state }) => state === 'starting')) return 'starting'
  for (const mount of gone) await noticeNow(mount)
  return 'ending'
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

function heldSentence({ account }: ClaimRequest): string {
  return `${account} is being mounted or unmounted by another process just now: try again in a moment`
}

function waitingSentence({ pid, mounts }: ServingProcess): string {
  if (mounts.length === 0) return `waiting for process ${pid}, which ends its last mount of the account`
  const folders = mounts.map(({ mountpoint }) => mountpoint).join(', ')
  return (
    `waiting for process ${pid}: ${folders} is unmounted, but what was written there is still being sent, ` +
    'or a program has a file of it open'
  )
}
