import { Errno } from '../base/errno.ts'
import { lossByOverwriting } from '../remote/kept-versions.ts'
import type { RemotePath } from '../remote/types.ts'
import type { ChangeFollower, FollowState } from './changes/index.ts'
import { DriveFolder, type DrainOptions } from './drive-folder.ts'
import { FsError } from './errors.ts'
import type {
  AskedRecord,
  CloudreveFileSystem,
  Core,
  PendingChange,
  Pins,
  Restore,
  TimesFile,
} from './filesystem/index.ts'
import type { InlineLayer } from './inline/index.ts'
import type { Journal } from './journal/index.ts'
import type { FileSystem, KernelCache } from './ports.ts'
import { reach } from './tree/index.ts'
import { DriveView, type KernelCaches, type ViewOptions } from './view/index.ts'
import type { WriteBack } from './write/index.ts'
import type { Facts } from './xattr/index.ts'

export interface DriveParts {
  readonly fileSystem: CloudreveFileSystem
  readonly core: Core
  readonly facts: Facts
  /** Of what an earlier process left. */
  readonly restore: Restore
  readonly state: DriveState
  readonly kernels: KernelCaches
  readonly changes: ChangeFollower
  readonly pins: Pins
}

/** What a drive has on the local disk. */
export interface DriveState {
  readonly times: TimesFile
  readonly journal: Journal
  readonly asked: AskedRecord
  readonly staging: InlineLayer
  /** Lets another process have it. */
  readonly unlock: () => Promise<void>
}

/** What a mount works with: a folder of the drive as a filesystem, and the questions about what is in it. */
export interface OpenView {
  readonly fileSystem: DriveView
  readonly folder: DriveFolder
  /** The drive serves on; what is not sent yet is sent all the same. */
  close(): void
}

/** A filesystem and what its process needs of it beside the kernel's operations. Any number of mounts show folders of it. */
export class Drive {
  /** Of the whole drive, as its first view has it when that shows the top folder. */
  readonly fileSystem: FileSystem
  readonly top: DriveFolder
  readonly writeBack: WriteBack
  readonly facts: Facts
  readonly #inner: CloudreveFileSystem
  readonly #core: Core
  readonly #restore: Restore
  readonly #state: DriveState
  readonly #kernels: KernelCaches
  readonly #changes: ChangeFollower
  readonly #pins: Pins

  constructor({ fileSystem, core, facts, restore, state, kernels, changes, pins }: DriveParts) {
    this.fileSystem = fileSystem
    this.#inner = fileSystem
    this.top = new DriveFolder({ core, fileSystem, restore, pins }, core.tree.table.root)
    this.writeBack = core.writeBack
    this.facts = facts
    this.#core = core
    this.#restore = restore
    this.#state = state
    this.#kernels = kernels
    this.#changes = changes
    this.#pins = pins
  }

  /** Asks the server to tell of changes that are made elsewhere, from now on. */
  followChanges(): void {
    this.#changes.start()
    this.#pins.start()
  }

  /** A sentence while the server cannot be reached. */
  get serverTrouble(): string | undefined {
    if (!this.#core.server.isAway) return undefined
    return `${this.#core.remote.facts.origin} cannot be reached: folders are shown as they were known, and changes are sent later`
  }

  /** A sentence where the drive does not keep what is overwritten. */
  get versionLoss(): string | undefined {
    return lossByOverwriting(this.#core.remote.facts.versions)
  }

  /** Resolves when what is pinned is not just being looked at or fetched. For tests. */
  pinsSettled(): Promise<void> {
    return this.#pins.settled()
  }

  /** How changes that are made elsewhere come here. */
  get following(): FollowState {
    return this.#changes.state
  }

  /**
   * A view of the folder at `path` (the server's names), for one mount whose kernel's caches are `kernel`. Asks the server for
   * each folder on the way that is not known yet, and for the listing of the last.
   *
   * @throws {FsError} ENOTDIR when it is no folder
   * @throws {RemoteError} `not-found` when it is not there
   */
  async openView(path: RemotePath, options: ViewOptions, kernel: KernelCache): Promise<OpenView> {
    const { tree, options: owner } = this.#core
    const root = await reach(this.#core, path)
    root.pins += 1
    const release = () => {
      root.pins -= 1
      tree.table.release(root)
    }
    try {
      if (!root.isFolder) throw new FsError(Errno.ENOTDIR, `${root.label} is not a folder`)
      await tree.listing(root)
    } catch (error) {
      release()
      throw error
    }
    const others = this.#kernels.except(() => mapped)
    const view = new DriveView({ fileSystem: this.fileSystem, root, owner, options, others })
    const mapped = view.kernelCache(kernel)
    const remove = this.#kernels.add(mapped)
    const parts = { core: this.#core, fileSystem: this.#inner, restore: this.#restore, pins: this.#pins }
    const folder = new DriveFolder(parts, root)
    const close = () => {
      remove()
      view.close()
      release()
    }
    return { fileSystem: view, folder, close }
  }

  /** Sends everything that waits. Answers what is left. */
  drain(options: DrainOptions = {}): Promise<readonly PendingChange[]> {
    return this.top.drain(options)
  }

  /** Renames and deletions that the server has not heard of. */
  get unsentNames(): number {
    return this.#inner.unsentNames
  }

  /** Files and folders whose attributes the server has not heard of. */
  get unsentAttributes(): number {
    return this.#inner.attributes.count
  }

  /** Nodes that are kept, and those of them that the kernel refers to; the top folder aside. For tests of leaks. */
  get nodeCounts(): { kept: number; held: number } {
    const { table } = this.#core.tree
    return { kept: table.size - 1, held: table.heldCount }
  }

  /** How many files an earlier process left that were not at the server as programs had been told. */
  get leftChanges(): number {
    return this.#restore.found
  }

  checkInvariants(): void {
    this.#core.tree.table.checkInvariants()
  }

  async close(): Promise<void> {
    const { times, journal, asked, staging, unlock } = this.#state
    this.#changes.close()
    const pinsClosed = this.#pins.close()
    this.#restore.close()
    this.#inner.close()
    this.#core.readers.ahead.close()
    await this.writeBack.close()
    await pinsClosed
    await this.#core.pending.ended().catch((error: unknown) => {
      this.#core.log.warn('what the server has is still on record as unsent; it is sent once more', { error })
    })
    await asked.close()
    await staging.close()
    await journal.close()
    await times.close()
    await unlock()
    await this.#core.remote.close()
  }
}
