import type { Clock } from '../../src/base/clock.ts'
import { RemoteError } from '../../src/remote/errors.ts'
import type { ByteRange } from '../../src/base/ranges.ts'
import type {
  CallOptions,
  ContentAddress,
  EndableSession,
  Remote,
  RemoteProperties,
} from '../../src/remote/remote.ts'
import type {
  Activity,
  ActivityPage,
  ActivityQuery,
  Capacity,
  EntityId,
  FileId,
  ListingPage,
  MetadataPatch,
  RemoteDetails,
  RemoteEntry,
  RemotePath,
  StoragePolicy,
  SubtreePage,
  UploadRequest,
} from '../../src/remote/types.ts'
import { activityPage } from './activity-page.ts'
import { exists, MemoryDrive, pagesOf, type RemoteMethod } from './memory-drive.ts'
import { ManualClock } from './manual-clock.ts'
import { endSession, newSession, sendChunks, type MemorySession } from './memory-sessions.ts'
import { contains, MemoryTree, pathOf, uriOf, versionsOf, type MemoryNode } from './memory-tree.ts'

export type { RemoteMethod } from './memory-drive.ts'

export interface MemoryRemoteOptions {
  readonly clock?: Clock
  readonly totalBytes?: number
  /** Versions kept of a file, the current one included. */
  readonly versionsKept?: number
  /** Entries in a page of `list`. */
  readonly pageSize?: number
  /** Largest upload that goes out as one request; larger ones, and those with a time or metadata, use a session. */
  readonly putLimitBytes?: number
  readonly chunkBytes?: number
  readonly readOnly?: boolean
  /** Largest file, bytes; 0 = no limit. */
  readonly maxSizeBytes?: number
  readonly maxFileNameBytes?: number
  /** Another connection to the drive of this one, with a script of its own. */
  readonly sameDriveAs?: MemoryRemote
}

/**
 * A server in memory that keeps the promises of `Remote` and nothing more. Call faults are scripted through `script` (and the
 * short-cuts here); `…AsOther` methods change the drive as another client would, unrecorded and never failing by script.
 */
export class MemoryRemote extends MemoryDrive implements Remote {
  facts: RemoteProperties
  /** Answered by `activities`, newest first. */
  readonly activityLog: Activity[] = []
  totalBytes: number
  maxSizeBytes: number
  readonly #pageSize: number
  readonly #putLimitBytes: number
  readonly #chunkBytes: number
  readonly #sessions: Map<string, MemorySession>

  constructor(options: MemoryRemoteOptions = {}) {
    const clock = options.clock ?? new ManualClock()
    const now = () => clock.now()
    super(options.sameDriveAs?.tree ?? new MemoryTree(now), now, options.versionsKept ?? 10)
    this.#sessions = options.sameDriveAs ? options.sameDriveAs.#sessions : new Map()
    this.totalBytes = options.totalBytes ?? 1024 ** 4
    this.maxSizeBytes = options.maxSizeBytes ?? 0
    this.#pageSize = options.pageSize ?? 2000
    this.#putLimitBytes = options.putLimitBytes ?? 4 * 1024 ** 2
    this.#chunkBytes = options.chunkBytes ?? 4 * 1024 ** 2
    this.facts = {
      versions: this.retention,
      origin: 'https://cloud.example.com',
      userId: 'u1',
      userName: 'una',
      readOnly: options.readOnly ?? false,
      maxFileNameBytes: options.maxFileNameBytes ?? 244,
      uriOf,
      pathOf,
    }
  }

  // --- RemoteTree

  async *list(folder: RemotePath, _options?: CallOptions): AsyncIterable<ListingPage> {
    const entries = await this.#call('list', folder, () =>
      [...this.tree.folder(folder).children.values()].map((node) => this.tree.entry(node)),
    )
    const self = this.tree.entry(this.tree.folder(folder))
    for (const [i, page] of pagesOf(entries, this.#pageSize).entries()) {
      if (i > 0) await this.#call('list', folder, () => undefined)
      yield { ...page, folder: self, policy: this.#policy() }
    }
  }

  async *listSubtree(folder: RemotePath, _options?: CallOptions): AsyncIterable<SubtreePage> {
    for (let after = { depth: 0, made: 0 }; ;) {
      const { last, ...page } = await this.#call('listSubtree', folder, () =>
        this.tree.pageBelow(this.tree.folder(folder), after, { size: this.#pageSize, changedSinceMs: 0 }),
      )
      yield page
      if (page.entries.length < this.#pageSize) return
      after = last
    }
  }

  info(path: RemotePath, _options?: CallOptions): Promise<RemoteEntry> {
    return this.#call('info', path, () => this.tree.entry(this.tree.get(path)))
  }

  infoById(id: FileId, _options?: CallOptions): Promise<RemoteEntry> {
    return this.#call('infoById', [id], () => this.tree.entry(this.#byId(id)))
  }

  createFolder(path: RemotePath, _options?: CallOptions): Promise<RemoteEntry> {
    return this.#change('createFolder', path, () => {
      if (this.tree.find(path)) throw exists(path)
      return this.tree.entry(this.tree.ensureFolder(path))
    })
  }

  createFile(
    path: RemotePath,
    metadata: Readonly<Record<string, string>>,
    _options?: CallOptions,
  ): Promise<RemoteEntry> {
    return this.#change('createFile', path, () => {
      if (this.tree.find(path)) throw exists(path)
      const node = this.newFile(path)
      node.metadata = { ...metadata }
      return this.tree.entry(node)
    })
  }

  rename(path: RemotePath, newName: string, _options?: CallOptions): Promise<RemoteEntry> {
    return this.#change('rename', path, () => {
      const node = this.tree.get(path)
      this.#checkUnlocked(node)
      if (node.parent?.children.has(this.tree.checkName(newName)))
        throw exists([...path.slice(0, -1), newName])
      this.tree.attach(node, node.parent!, newName)
      return this.tree.entry(node)
    })
  }

  move(paths: readonly RemotePath[], folder: RemotePath, _options?: CallOptions): Promise<void> {
    return this.#change('move', paths[0] ?? [], () => {
      const target = this.tree.folder(folder)
      const nodes = this.#batch(paths, target)
      for (const node of nodes) {
        this.#checkUnlocked(node)
        if (contains(node, target))
          throw new RemoteError('denied', `${node.name}: cannot be moved into itself`)
      }
      for (const node of nodes) this.tree.attach(node, target, node.name)
    })
  }

  copy(paths: readonly RemotePath[], folder: RemotePath, _options?: CallOptions): Promise<void> {
    return this.#change('copy', paths[0] ?? [], () => {
      const target = this.tree.folder(folder)
      const nodes = this.#batch(paths, target)
      for (const node of nodes)
        if (contains(node, target))
          throw new RemoteError('denied', `${node.name}: cannot be copied into itself`)
      for (const node of nodes) this.tree.copyInto(node, target)
    })
  }

  remove(paths: readonly RemotePath[], options: Parameters<Remote['remove']>[1] = {}): Promise<void> {
    return this.#change('remove', paths[0] ?? [], () => {
      const absent = paths.filter((path) => !this.tree.find(path))
      const nodes = paths.flatMap((path) => this.tree.find(path) ?? [])
      for (const node of nodes) this.#checkUnlocked(node)
      for (const node of nodes) this.tree[options.permanently ? 'detach' : 'toTrash'](node)
      if (absent.length > 0)
        throw new RemoteError('not-found', `${absent.join(', ')}: no such file or folder`, { absent })
    })
  }

  patchMetadata(
    paths: readonly RemotePath[],
    patches: readonly MetadataPatch[],
    _options?: CallOptions,
  ): Promise<void> {
    return this.#change('patchMetadata', paths[0] ?? [], () => {
      for (const node of paths.map((path) => this.tree.get(path))) {
        this.#checkUnlocked(node)
        for (const { key, value } of patches) {
          if (value === undefined) delete node.metadata[key]
          else node.metadata[key] = value
        }
      }
    })
  }

  // --- RemoteContent

  readRange(content: ContentAddress, range: ByteRange, options: CallOptions = {}): Promise<Uint8Array> {
    const path = content.path() ?? []
    return this.#call('readRange', path, () => {
      if (options.signal?.aborted) throw new RemoteError('aborted', `${path.join('/')}: the reader gave up`)
      const version = this.tree.versionOf(content.entity)
      if (!version)
        throw new RemoteError('entity-gone', `${path.join('/')}: this version is not kept any more`)
      if (range.start < 0 || range.end > version.bytes.length || range.start > range.end)
        throw new RemoteError(
          'invalid',
          `${path.join('/')}: bytes ${range.start} to ${range.end} are outside`,
        )
      return version.bytes.slice(range.start, range.end)
    })
  }

  prepareReads(contents: readonly ContentAddress[]): Promise<void> {
    const paths = contents.map((content) => (content.path() ?? []).join('/'))
    return this.#call('prepareReads', paths, () => undefined)
  }

  upload(request: UploadRequest, options: CallOptions = {}): Promise<RemoteEntry> {
    const { path, source } = request
    return this.#change('upload', path, async () => {
      const open = this.#sessions.get(request.resume?.session.id ?? '')
      if (open && this.tree.find(path) === open.node) {
        await request.onSession?.(request.resume!.session)
        return this.#sendChunks(request, open, options)
      }
      const isSession =
        source.sizeBytes > this.#putLimitBytes ||
        request.modifiedAtMs !== undefined ||
        request.metadata !== undefined
      if (isSession) return this.#uploadBySession(request, options)
      this.#checkUpload(request)
      const bytes = await source.read(0, source.sizeBytes)
      this.#checkUpload(request)
      request.onProgress?.(bytes.length)
      const entry = this.#commit(this.tree.find(path) ?? this.newFile(path), request, bytes)
      // As the server's answer to a save in one request (api/00-live-files §4).
      return { ...entry, metadata: {} }
    })
  }

  cancelUpload(session: EndableSession, _options?: CallOptions): Promise<boolean> {
    return this.#call('cancelUpload', ['id' in session ? session.id : session.uri], () =>
      endSession(this.#sessions, this, session),
    )
  }

  // --- RemoteFacts

  details(path: RemotePath, _options?: CallOptions): Promise<RemoteDetails> {
    return this.#call('details', path, () => {
      const node = this.tree.get(path)
      return {
        entry: this.tree.entry(node),
        policy: this.#policy(),
        versions: versionsOf(node, this.facts.userName),
        shares: [],
        directLinks: [],
        storageUsedBytes: node.versions.reduce((sum, { bytes }) => sum + bytes.length, 0),
      }
    })
  }

  activities(path: RemotePath, query: ActivityQuery, _options?: CallOptions): Promise<ActivityPage> {
    return this.#call('activities', path, () => activityPage(this.activityLog, query))
  }

  capacity(_options?: CallOptions): Promise<Capacity> {
    return this.#call('capacity', [], () => ({ totalBytes: this.totalBytes, usedBytes: this.#usedBytes() }))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** Before the answer that tells its id. */
  onSessionOpened: () => Promise<void> = () => Promise.resolve()

  /** Sessions that were begun and neither finished nor cancelled: each locks its ancestry. */
  get openSessions(): number {
    return this.#sessions.size
  }

  /** Of any version that is kept, wherever its file is. */
  bytesOf(entity: EntityId): Uint8Array | undefined {
    return this.tree.versionOf(entity)?.bytes
  }

  #call<T>(method: RemoteMethod, path: RemotePath, work: () => Promise<T> | T): Promise<T> {
    return this.script.run(method, path.join('/'), work)
  }

  #change<T>(method: RemoteMethod, path: RemotePath, work: () => Promise<T> | T): Promise<T> {
    return this.#call(method, path, () => {
      if (this.facts.readOnly) throw new RemoteError('denied', `${path.join('/')}: this drive is read-only`)
      return work()
    })
  }

  async #uploadBySession(request: UploadRequest, { signal }: CallOptions): Promise<RemoteEntry> {
    const { path, source } = request
    await request.onAsked?.({ uri: uriOf(path), sizeBytes: source.sizeBytes, askedAtMs: this.now() })
    try {
      this.#checkUpload(request)
    } catch (error) {
      await request.onSessionOver?.()
      throw error
    }
    const before = this.tree.find(path)
    const node = before ?? this.newFile(path)
    const id = this.tree.nextId('s')
    const session = newSession(node, before?.current === undefined, source.sizeBytes)
    this.#sessions.set(id, session)
    node.sessionId = id
    await this.onSessionOpened()
    await request.onSession?.({ id, uri: uriOf(path), ticket: `ticket of ${id}` })
    session.isHeard = true
    return this.#sendChunks({ ...request, resume: undefined }, session, { signal })
  }

  /** Those that were not taken before. */
  async #sendChunks(
    request: UploadRequest,
    session: MemorySession,
    options: CallOptions,
  ): Promise<RemoteEntry> {
    const { node } = session
    const id = node.sessionId ?? ''
    await sendChunks(request, session, {
      chunkBytes: this.#chunkBytes,
      signal: options.signal,
      isOpen: () => this.#sessions.has(id),
      call: (work) => this.#call('uploadChunk', request.path, work),
    })
    this.#sessions.delete(id)
    node.sessionId = undefined
    return this.#commit(node, request, session.bytes)
  }

  #checkUpload({ path, previous, source }: UploadRequest): void {
    const subject = path.join('/')
    const name = this.tree.checkName(path.at(-1) ?? '')
    if (Buffer.byteLength(name) > this.facts.maxFileNameBytes)
      throw new RemoteError('bad-name', `${subject}: the name is too long`)
    if (this.maxSizeBytes > 0 && source.sizeBytes > this.maxSizeBytes)
      throw new RemoteError('too-large', `${subject}: larger than ${this.maxSizeBytes} bytes`)
    const node = this.tree.find(path)
    if (node?.kind === 'folder') throw exists(path)
    if (node) this.#checkUnlocked(node)
    // As on the server, a missing file is created whatever `previous` says (api/00-live §1).
    if (node && node.current !== (previous === 'absent' ? undefined : previous))
      throw new RemoteError('stale', `${subject}: the content is another one by now`)
    if (source.sizeBytes > Math.max(0, this.totalBytes - this.#usedBytes()) && source.sizeBytes > 0)
      throw new RemoteError('quota', `${subject}: the drive is full`)
  }

  #commit(node: MemoryNode, request: UploadRequest, bytes: Uint8Array): RemoteEntry {
    this.tree.addVersion(node, bytes, this.versionsKept)
    Object.assign(node.metadata, request.metadata)
    if (request.modifiedAtMs !== undefined) node.updatedAtMs = request.modifiedAtMs
    return this.tree.entry(node)
  }

  /** @throws {RemoteError} `locked` while an upload session is open on `node` or below it. */
  #checkUnlocked(node: MemoryNode): void {
    for (const session of this.#sessions.values())
      if (contains(node, session.node))
        throw new RemoteError('locked', `${node.name}: locked by an upload`, { holder: 'upload' })
  }

  #batch(paths: readonly RemotePath[], target: MemoryNode): MemoryNode[] {
    const nodes = paths.map((path) => this.tree.get(path))
    for (const node of nodes)
      if (target.children.has(node.name)) throw exists([...this.tree.pathOf(target), node.name])
    return nodes
  }

  #byId(id: FileId): MemoryNode {
    for (const node of this.tree.walk()) if (node.id === id) return node
    throw new RemoteError('not-found', `no file or folder has the id ${id}`)
  }

  #usedBytes(): number {
    let reserved = 0
    for (const session of this.#sessions.values()) reserved += session.sizeBytes
    return this.tree.usedBytes() + reserved
  }

  #policy(): StoragePolicy {
    return { id: 'p1', name: 'Default', type: 'local', maxSizeBytes: this.maxSizeBytes, relay: true }
  }
}
