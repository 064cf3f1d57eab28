/** The drives of one account that mounts show folders of: each is connected and opened once, however many show it. */
import { hostname } from 'node:os'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultLaneWidths } from '../api/lanes.ts'
import { formatUri, type CloudreveUri } from '../api/uri.ts'
import type { Session } from '../auth/session.ts'
import { KeyedMutex } from '../base/mutex.ts'
import type { MountOptions } from '../config/options.ts'
import { readWrittenOptions } from '../config/parse.ts'
import { accountFolders, type AccountFolders } from '../config/paths.ts'
import { createDrive, type Drive } from '../core/index.ts'
import type { Remote } from '../remote/remote.ts'
import { connectDrive, type ConnectedDrive } from './connect-drive.ts'
import { openAccountCache, type AccountCache } from './account-cache.ts'
import type { ComposeParts, Composition } from './composition.ts'
import { DesktopNotices } from './desktop-notice.ts'
import { openDriveMirror, type DriveMirror } from './drive-mirror.ts'
import { driveQuestions, drainFolder } from './drive-questions.ts'
import { settingsOf, sharedDifferences, viewOptionsOf } from './drive-settings.ts'
import { followConfig } from './follow-config.ts'
import { openDriver, type OpenedDriver } from './open-driver.ts'
import { rootOf } from './root-of.ts'
import { MountError, type MountSpec } from './spec.ts'
import { TransferLimits } from './transfer-limits.ts'
import { uselessRoot } from './useless-root.ts'

/** A drive and who uses it. */
interface SharedDrive {
  readonly drive: Drive
  readonly remote: Remote
  readonly stateFolder: string
  readonly cache: AccountCache | undefined
  /** The account's, for what is disposable. */
  readonly cacheFolder: string
  readonly mirror: DriveMirror | undefined
  /** The mount that it was opened for: all others share its settings. */
  readonly first: MountSpec
  mounts: number
}

export class AccountDrives {
  readonly #session: Session
  readonly #parts: ComposeParts
  /** By the address of the drive's top. */
  readonly #drives = new Map<string, SharedDrive>()
  readonly #changing = new KeyedMutex<string>()
  readonly #limits: TransferLimits
  readonly #notices: DesktopNotices
  /** As long as a drive uses it. */
  #cache: Promise<AccountCache | undefined> | undefined
  #cacheUsers = 0
  #cacheClosed: Promise<void> = Promise.resolve()

  constructor(session: Session, parts: ComposeParts) {
    this.#session = session
    this.#parts = parts
    this.#limits = new TransferLimits(parts.clock)
    this.#notices = new DesktopNotices(parts)
  }

  /** @throws {MountError} when it cannot share a drive that another mount shows */
  async mount(spec: MountSpec): Promise<Composition> {
    const options = readWrittenOptions(spec.options)
    const { writebackCache, negativeTtlMs, spinUs } = options
    const root = rootOf(spec)
    const key = formatUri({ ...root, password: undefined, path: [] })
    const opened = await openDriver(options.driver, {
      ...this.#parts,
      writebackCache,
      negativeTtlMs,
      spinUs,
    })
    requireFlush(options, opened)
    const shared = await this.#changing.run(key, () => this.#take(key, spec, root))
    const unfollow = await this.#limit(spec, options)
    const release = async () => {
      unfollow()
      await this.#changing.run(key, () => this.#release(key, shared))
    }
    try {
      return await this.#compose({ spec, options, root, opened, shared, release })
    } catch (error) {
      await release()
      throw error
    }
  }

  async #compose(parts: {
    spec: MountSpec
    options: MountOptions
    root: CloudreveUri
    opened: OpenedDriver
    shared: SharedDrive
    release: () => Promise<void>
  }): Promise<Composition> {
    const { spec, options, root, shared, release } = parts
    const { driver, notes } = parts.opened
    const view = await shared.drive
      .openView(root.path, viewOptionsOf(spec, options), driver.kernelCache)
      .catch((error: unknown) => {
        throw uselessRoot(root, this.#session.account.url, error)
      })
    const { fileSystem, folder } = view
    return {
      fileSystem,
      driver,
      driverOptions: {
        allowOther: options.allowOther,
        sourceName: this.#session.account.url,
        entryTtlMs: options.entryTtlMs,
        attrTtlMs: options.attrTtlMs,
      },
      methods: driveQuestions({
        ...shared,
        folder,
        fileSystem,
        spec,
        driver,
        limits: () => this.#limits.current,
      }),
      notes: [...notes, ...notesOf(shared)],
      drain: (onProgress, signal) => drainFolder(folder, onProgress, signal),
      close: async () => {
        view.close()
        await release()
      },
    }
  }

  /** Until the returned function is called. */
  async #limit(spec: MountSpec, options: MountOptions): Promise<() => void> {
    this.#limits.ask(spec, options)
    const unfollow = await followConfig(spec, {
      ...this.#parts,
      onLimits: (limits) => this.#limits.ask(spec, limits),
    })
    return () => {
      unfollow()
      this.#limits.forget(spec)
    }
  }

  async #take(key: string, spec: MountSpec, root: CloudreveUri): Promise<SharedDrive> {
    const present = this.#drives.get(key)
    if (present) {
      const difference = sharedDifferences(present.first, spec)
      if (difference !== undefined) throw new MountError(difference)
    }
    const shared = present ?? (await this.#open(spec, root))
    shared.mounts += 1
    this.#drives.set(key, shared)
    return shared
  }

  async #release(key: string, shared: SharedDrive): Promise<void> {
    shared.mounts -= 1
    if (shared.mounts > 0) return
    this.#drives.delete(key)
    await shared.drive.close()
    await shared.mirror?.close()
    await this.#letCacheGo()
  }

  async #open(spec: MountSpec, root: CloudreveUri): Promise<SharedDrive> {
    const { account } = this.#session
    const options = readWrittenOptions(spec.options)
    const folders = accountFolders(spec, account.url, account.userId)
    const driveFolder = this.#folderOfDrive(root)
    const stateFolder = join(folders.stateFolder, ...driveFolder)
    await mkdir(stateFolder, { recursive: true, mode: 0o700 })
    const { cacheFolder } = folders
    const { mirrorObjects: maxObjects } = options
    const mirror = await openDriveMirror({ ...this.#parts, cacheFolder, driveFolder, maxObjects })
    const { remote, isAway } = await this.#connect(options, { root, mirror })
    const cache = await this.#takeCache(folders, options)
    try {
      const drive = await createDrive({
        ...this.#parts,
        remote,
        stateFolder,
        hostName: hostname(),
        settings: settingsOf(options, remote),
        isTopUnlisted: root.path.length > 0,
        downloadBytesPerSecond: () => this.#limits.download.bytesPerSecond,
        onGivenUp: ({ label, kind, reason }) => this.#notices.add({ file: label, kind, reason }),
        diskCache: cache?.cache,
        cacheSharesDisk: cache?.sharesDisk,
        mirror: mirror?.mirror,
        isServerAway: isAway,
      })
      drive.followChanges()
      return { drive, remote, stateFolder, cacheFolder, cache, mirror, first: spec, mounts: 0 }
    } catch (error) {
      await remote.close()
      await mirror?.close()
      await this.#letCacheGo()
      throw error
    }
  }

  /** The user's own drive has the account's folder for itself, from times when there was no other; so has what a visitor sees. */
  #folderOfDrive({ fileSystem, id }: CloudreveUri): string[] {
    if (fileSystem === 'my' || !this.#session.tokenSource) return []
    return [encodeURIComponent(id === undefined ? fileSystem : `${fileSystem} ${id}`)]
  }

  #takeCache(folders: AccountFolders, options: MountOptions): Promise<AccountCache | undefined> {
    const { url, userId } = this.#session.account
    this.#cacheUsers += 1
    this.#cache ??= this.#cacheClosed.then(() =>
      openAccountCache({ ...this.#parts, ...folders, owner: [url, userId], options }),
    )
    return this.#cache
  }

  #letCacheGo(): Promise<void> {
    this.#cacheUsers -= 1
    const cache = this.#cache
    if (this.#cacheUsers > 0 || !cache) return Promise.resolve()
    this.#cache = undefined
    this.#cacheClosed = cache.then((opened) => opened?.close())
    return this.#cacheClosed
  }

  async #connect(
    options: MountOptions,
    { root, mirror }: { readonly root: CloudreveUri; readonly mirror: DriveMirror | undefined },
  ): Promise<ConnectedDrive> {
    const { tokenSource, serverClock, account } = this.#session
    const connection = {
      ...this.#parts,
      origin: account.url,
      tokenSource,
      serverClock,
      rootUri: formatUri({ ...root, path: [] }),
      lanes: { ...defaultLaneWidths, uploads: options.uploadConcurrency },
      limits: this.#limits,
      timeoutMs: options.timeoutMs,
    }
    try {
      return await connectDrive(connection, mirror?.mirror)
    } catch (error) {
      await mirror?.close()
      throw uselessRoot(root, account.url, error)
    }
  }
}

/** @throws {MountError} where close(2) cannot wait, and is meant to */
function requireFlush({ sync }: MountOptions, { driver }: OpenedDriver): void {
  if (sync !== 'close' || driver.capabilities.flush) return
  throw new MountError(
    `--sync=close cannot be had with the driver ${driver.name}, which lets no program wait when it closes a file: take ` +
      '--sync=fsync, or see with `cloudreve-mount doctor` what the native driver needs',
    { kind: 'usage' },
  )
}

/** What an earlier run left is easily forgotten: every start reminds of it. */
function notesOf({ drive, stateFolder }: SharedDrive): string[] {
  return [
    ...[drive.serverTrouble, drive.versionLoss].filter((note) => note !== undefined),
    ...takenUp(drive.leftChanges, drive.top.isReadOnly),
    ...kept(drive.writeBack.lostAndFound.length, stateFolder),
  ]
}

function takenUp(count: number, isReadOnly: boolean): string[] {
  if (count === 0) return []
  const one = count === 1
  const what = `${one ? '1 change' : `${count} changes`} of an earlier run`
  if (isReadOnly) return [`${what} ${one ? 'waits' : 'wait'} until the drive is mounted for writing`]
  return [`${what} ${one ? 'is' : 'are'} being sent`]
}

function kept(count: number, stateFolder: string): string[] {
  if (count === 0) return []
  const what = count === 1 ? '1 file that an earlier mount' : `${count} files that earlier mounts`
  return [`${what} could not upload ${count === 1 ? 'is' : 'are'} kept in ${join(stateFolder, 'lost+found')}`]
}
