import { constants } from 'node:fs'
import { Errno } from '../base/errno.ts'
import { waitUnlessAborted } from '../base/clock.ts'
import type { RemoteEntry, RemotePath } from '../remote/types.ts'
import { FsError } from './errors.ts'
import {
  attributeSync,
  changeOf,
  countOf,
  discardContent,
  pinned,
  viewOf,
  Warming,
  type CloudreveFileSystem,
  type Core,
  type DiscardOutcome,
  type PendingChange,
  type PinView,
  type Pins,
  type Restore,
  type WarmOptions,
  type WarmResult,
} from './filesystem/index.ts'
import type { Node, NodePlace } from './inode/index.ts'
import { toPosixName, toServerName } from './names/index.ts'
import { samePath } from './tree/index.ts'
import type { OpContext } from './types.ts'
import type { FileView } from './xattr/index.ts'

const readStepBytes = 1024 ** 2

export interface DriveProgress {
  /** Whose content is not at the server. */
  readonly files: number
  /** Names and attributes that are not. */
  readonly others: number
  /** Of all files that are not at the server yet. */
  readonly totalBytes: number
  readonly sentBytes: number
  /** Why it does not go on just now; undefined when it does. */
  readonly trouble: string | undefined
}

export interface DrainOptions {
  readonly onProgress?: ((progress: DriveProgress) => void) | undefined
  /** Ends the waiting; what is to be sent goes on. */
  readonly signal?: AbortSignal | undefined
}

export interface DriveFolderParts {
  readonly core: Core
  readonly fileSystem: CloudreveFileSystem
  readonly restore: Restore
  readonly pins: Pins
}

/** What was pinned in a folder, by its path there as programs name it. */
export interface PinnedPath extends Omit<PinView, 'path'> {
  readonly names: readonly string[]
}

export type UnpinOutcome = 'unpinned' | 'not pinned' | { readonly pinnedWith: readonly string[] }

/** A folder of a drive, and what people ask and decide about what is in it. Paths begin at the folder, wherever that is by now. */
export class DriveFolder {
  readonly #core: Core
  readonly #fileSystem: CloudreveFileSystem
  readonly #restore: Restore
  readonly #root: Node
  readonly #pins: Pins

  constructor({ core, fileSystem, restore, pins }: DriveFolderParts, root: Node) {
    this.#core = core
    this.#fileSystem = fileSystem
    this.#restore = restore
    this.#root = root
    this.#pins = pins
  }

  /**
   * The view of a path in the folder, as programs name it, after the server has heard of every rename in it that waits: who
   * asks for a file by its name wants to see what he did a moment ago.
   *
   * @throws {FsError} ENOENT
   */
  async view(names: readonly string[], signal?: AbortSignal): Promise<FileView> {
    const node = await this.#node(names, signal)
    return pinned(this.#core, [node], async () => {
      await this.#fileSystem.settleNames(node)
      return viewOf(node)
    })
  }

  /**
   * Tries what was given up or refused of a file, folder or link, or waits, again at once; false when there is nothing to send.
   * @throws {FsError} ENOENT; what stands in the way of what was refused
   */
  async retry(names: readonly string[], context: OpContext): Promise<boolean> {
    const { attributes, decisions } = this.#fileSystem
    const node = await this.#nodeOrDeleted(names, context.signal)
    this.#core.writeBack.outage.tryNow()
    return pinned(this.#core, [node], async () => {
      const isDirty = node.content?.isDirty === true
      if (isDirty) node.content?.retry()
      const hasAttributes = attributeSync(node)?.state === 'retrying'
      if (hasAttributes) attributes.tryNow()
      const hasName = await decisions.retry(node, context)
      return isDirty || hasAttributes || hasName
    })
  }

  /** Tries everything in the folder that waits, was given up or refused, again at once; answers what that is. */
  async retryAll(context: OpContext): Promise<readonly PendingChange[]> {
    const within = (label: string) => this.#holds(label)
    const tried = [...this.pending(), ...this.#asSeenHere(this.#core.refused.pending(within))]
    this.#core.writeBack.outage.tryNow()
    await this.#restore.again()
    this.#core.writeBack.retryAll(within)
    this.#fileSystem.attributes.tryNow()
    await this.#fileSystem.decisions.retryAll(within, context)
    return tried
  }

  /**
   * Hands the content of a file that is not on the server to `take`, in order and complete; false when there is nothing that the
   * server does not have. What was not changed here may have to be fetched.
   * @throws {FsError} ENOENT
   */
  async readUnsent(
    names: readonly string[],
    context: OpContext,
    take: (bytes: Uint8Array) => Promise<void>,
  ): Promise<boolean> {
    const node = await this.#node(names, context.signal)
    return pinned(this.#core, [node], async () => {
      if (!node.content?.isDirty) return false
      const { fh } = await this.#fileSystem.open(node.ino, constants.O_RDONLY, context)
      try {
        for (let at = 0; ;) {
          const bytes = await this.#fileSystem.read(fh, at, readStepBytes, context)
          if (bytes.length === 0) return true
          await take(bytes)
          at += bytes.length
        }
      } finally {
        await this.#fileSystem.release(fh)
      }
    })
  }

  /**
   * Removes what the disk cache has of a file, or of every file in a folder, unless it is pinned; answers how many bytes of content that was.
   * @throws {FsError} ENOENT
   */
  async clearCached(names: readonly string[], signal?: AbortSignal): Promise<number> {
    const node = await this.#node(names, signal)
    return pinned(this.#core, [node], async () => {
      let sum = 0
      for await (const entries of this.#entriesIn(node, signal))
        for (const entry of entries) sum += await this.#clearEntry(entry)
      return sum
    })
  }

  /**
   * Brings a file, or every file in a folder, into the disk cache, as the server has it.
   * @throws {FsError} ENOENT; ENOSPC: they do not fit into it
   */
  async warm(names: readonly string[], options: WarmOptions = {}): Promise<WarmResult> {
    const node = await this.#node(names, options.signal)
    return pinned(this.#core, [node], async () => {
      const found: RemoteEntry[] = []
      for await (const entries of this.#entriesIn(node, options.signal)) found.push(...entries)
      return new Warming(this.#core, found, options).run()
    })
  }

  /**
   * Keeps a file, or everything in a folder, on this machine from now on, as the server has it.
   * @throws {FsError} ENOENT; ENOSPC: it does not fit into the cache; EAGAIN: the server does not have it yet
   */
  async pin(names: readonly string[], options: WarmOptions = {}): Promise<WarmResult> {
    const node = await this.#node(names, options.signal)
    return pinned(this.#core, [node], async () => {
      // It is pinned under the name that the server has.
      await this.#fileSystem.settleNames(node)
      return this.#pins.add(node, options)
    })
  }

  /** It need not be there any more. */
  async unpin(names: readonly string[], signal?: AbortSignal): Promise<UnpinOutcome> {
    const path = [...this.#rootPath, ...names.map(toServerName)]
    // What is not there any more, or cannot be asked for, may be pinned all the same.
    const node = await this.#node(names, signal).catch((error: unknown) => {
      this.#core.log.debug('what is to be unpinned is looked for by its path', { error })
      return undefined
    })
    const id = node?.id
    if (node) this.#core.tree.table.release(node)
    if (await this.#pins.remove(path, id)) return 'unpinned'
    const above = this.#pins.above(path)
    return above ? { pinnedWith: this.#namesOf(above) } : 'not pinned'
  }

  pinnedPaths(): readonly PinnedPath[] {
    const { length } = this.#rootPath
    const isIn = ({ path }: PinView) => samePath(path.slice(0, length), this.#rootPath)
    return this.#pins
      .list()
      .filter(isIn)
      .map(({ path, ...rest }) => ({ ...rest, names: this.#namesOf(path) }))
  }

  /** As the server has it. */
  get #rootPath(): RemotePath {
    return this.#root.remotePath ?? []
  }

  #namesOf(path: RemotePath): readonly string[] {
    return path.slice(this.#rootPath.length).map(toPosixName)
  }

  /** What the server has of a file, or of everything below a folder. */
  async *#entriesIn(node: Node, signal?: AbortSignal): AsyncGenerator<readonly RemoteEntry[]> {
    if (node.isFolder) {
      const pages = this.#core.remote.listSubtree(node.remotePath ?? [], { signal })
      for await (const { entries } of pages) yield entries
    } else if (node.entry) yield [node.entry]
  }

  async #clearEntry({ kind, entity, sizeBytes }: RemoteEntry): Promise<number> {
    const { readers } = this.#core
    if (kind !== 'file' || !entity || readers.isProtected({ entity, sizeBytes })) return 0
    const cached = readers.onDisk({ entity, sizeBytes })
    const bytes = cached ? await cached.presentBytes() : 0
    if (cached && bytes > 0) await cached.remove()
    return bytes
  }

  /**
   * Drops the changes of an upload that was given up: the file is what the server has, and a new one is gone. Only while
   * no program has it open. What is refused of names and attributes is not spoken of any more; a new folder or link that is refused
   * goes, and a rename or deletion that waits is taken back, where nothing else depends on it.
   * @throws {FsError} ENOENT
   */
  async discard(names: readonly string[], context: OpContext): Promise<DiscardOutcome> {
    const { attributes, decisions } = this.#fileSystem
    if (await this.#restore.forgetVanished(`${this.#prefix}/${names.join('/')}`)) return 'refusal'
    const node = await this.#nodeOrDeleted(names, context.signal)
    return pinned(this.#core, [node], async () => {
      if (node.isUnlinked) return decisions.showAgain(node)
      if (node.content?.failure) return this.#discardContent(node, context)
      if (attributes.forgetRefusal(node)) return 'refusal'
      const outcome = await decisions.discard(node, context)
      return outcome ?? (node.content?.isDirty ? 'still tried' : 'nothing to discard')
    })
  }

  async #discardContent(node: Node, context: OpContext): Promise<DiscardOutcome> {
    if (node.handles > 0) return 'open'
    const { place } = node
    if (node.entry || !place) await discardContent(node)
    else await this.#unlink(node, place, context)
    return 'content'
  }

  /** What is in the folder and not at the server as it is here, by its path in the folder. */
  pending(): readonly PendingChange[] {
    const within = (label: string) => this.#holds(label)
    const contents = this.#core.writeBack.pending(within)
    return this.#asSeenHere([
      ...contents.map((content): PendingChange => ({ ...content, kind: 'content', count: 1 })),
      ...this.#restore.pending(within),
      ...this.#fileSystem.names.list(within),
      ...this.#fileSystem.attributes.pending(within),
    ])
  }

  /** What the server refused for good, and has as it was before: nothing of it is left to be sent. */
  refused(): readonly PendingChange[] {
    const within = (label: string) => this.#holds(label)
    return this.#asSeenHere([
      ...this.#core.refused.pending(within),
      ...this.#fileSystem.attributes.refused(within),
      ...this.#restore.vanished(within),
    ])
  }

  /** What an earlier run left is not for this process to send. */
  get isReadOnly(): boolean {
    return this.#core.options.readOnly
  }

  /**
   * Sends everything in the folder that waits. Answers what is left: what fails for good, and names that could not be sent while
   * patience lasted. All of it is on record here.
   */
  async drain(options: DrainOptions = {}): Promise<readonly PendingChange[]> {
    const { signal, onProgress: tell } = options
    const onProgress = () => tell?.(this.#progress())
    const within = (label: string) => this.#holds(label)
    const settle = () => waitUnlessAborted(this.#fileSystem.settle(onProgress), signal)
    const atFirst = this.#fileSystem.names.each(() => true)
    await waitUnlessAborted(this.#restore.again(), signal)
    await settle()
    const failures = await this.#core.writeBack.drain({ signal, onProgress, within })
    await settle()
    const contents = failures.map(({ label, reason }) =>
      changeOf('content', label, { state: 'failed', detail: reason }),
    )
    return this.#asSeenHere([...contents, ...this.#leftOf(atFirst)])
  }

  /** What programs do meanwhile is not waited for. */
  #leftOf(atFirst: ReadonlyMap<Node, PendingChange>): PendingChange[] {
    const within = (label: string) => this.#holds(label)
    const names = [...this.#fileSystem.names.each(within)].filter(
      ([node, { state }]) => atFirst.has(node) || state.state !== 'waiting',
    )
    const untaken = this.isReadOnly ? [] : this.#restore.pending(within)
    return [...names.map(([, change]) => change), ...untaken]
  }

  #progress(): DriveProgress {
    const pending = this.pending()
    const files = countOf(pending.filter(({ kind }) => kind === 'content'))
    return {
      files,
      others: countOf(pending) - files,
      totalBytes: pending.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      sentBytes: pending.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
      trouble: pending.find(({ state }) => state.state === 'retrying')?.state.detail,
    }
  }

  /** A rename may have brought something here from elsewhere in the drive. */
  #asSeenHere(changes: readonly PendingChange[]): readonly PendingChange[] {
    const { length } = this.#prefix
    return changes.map(({ from, ...change }) => ({
      ...change,
      label: change.label.slice(length),
      ...(from !== undefined && this.#holds(from) && { from: from.slice(length) }),
    }))
  }

  /** Nobody asked a kernel for it: all of them have to hear of it. */
  async #unlink({ ino }: Node, { parent, name }: NodePlace, context: OpContext): Promise<void> {
    await this.#fileSystem.unlink(parent.ino, toPosixName(name), context)
    this.#core.kernel.deleteEntry(parent.ino, ino, toPosixName(name))
  }

  /** Of the paths in it; empty for the drive's top folder. */
  get #prefix(): string {
    return this.#root.isRoot ? '' : this.#root.label
  }

  #holds(label: string): boolean {
    return this.#root.isRoot || label.startsWith(`${this.#prefix}/`)
  }

  async #node(names: readonly string[], signal?: AbortSignal): Promise<Node> {
    let node = this.#root
    for (const name of names) {
      const child = await this.#core.tree.child(node, toServerName(name), { signal })
      if (!child) throw new FsError(Errno.ENOENT, `${names.join('/')}: no such file or folder`)
      node = child
    }
    return node
  }

  /** The same, or what was deleted and had the path. */
  async #nodeOrDeleted(names: readonly string[], signal?: AbortSignal): Promise<Node> {
    try {
      return await this.#node(names, signal)
    } catch (error) {
      const isAbsent = error instanceof FsError && error.errno === Errno.ENOENT
      const deleted = isAbsent && this.#fileSystem.names.deletedAt(`${this.#prefix}/${names.join('/')}`)
      if (deleted) return deleted
      throw error
    }
  }
}
