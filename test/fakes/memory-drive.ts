import type { ChangedPage, RemoteChanges, WatchNotice } from '../../src/remote/changes.ts'
import { RemoteError } from '../../src/remote/errors.ts'
import type { RemoteTrash, TrashedCount, TrashedEntry } from '../../src/remote/trash.ts'
import type { KeptVersions } from '../../src/remote/kept-versions.ts'
import type { EntityId, RemoteEntry, RemotePath } from '../../src/remote/types.ts'
import { CallScript, type Gate, type RecordedCall } from './call-script.ts'
import { MemoryFeed } from './memory-feed.ts'
import { MemoryTrash, type TrashMethod } from './memory-trash.ts'
import type { MemoryNode, MemoryTree } from './memory-tree.ts'

export type RemoteMethod =
  | 'list'
  | 'listSubtree'
  | 'info'
  | 'infoById'
  | 'createFolder'
  | 'createFile'
  | 'rename'
  | 'move'
  | 'copy'
  | 'remove'
  | 'patchMetadata'
  | 'readRange'
  | 'prepareReads'
  | 'upload'
  | 'uploadChunk'
  | 'cancelUpload'
  | 'makeCurrent'
  | 'details'
  | 'activities'
  | 'contentUrl'
  | 'thumbnailUrl'
  | 'capacity'
  | 'changesSince'
  | TrashMethod

/** How addresses begin that need no sign-in. */
export const secretUrl = 'https://cloud.example.com/content?sign=secret'

/** `a/b` or `['a', 'b']`. */
export type PathLike = string | RemotePath

export function toPath(path: PathLike): RemotePath {
  return typeof path === 'string' ? path.split('/').filter((name) => name !== '') : path
}

export function exists(path: RemotePath): RemoteError {
  return new RemoteError('exists', `${path.join('/')}: the name is taken`)
}

/** At least one, which may be empty. */
export function pagesOf<T>(entries: readonly T[], size: number): { entries: T[]; isLast: boolean }[] {
  const pages = [{ entries: entries.slice(0, size), isLast: entries.length <= size }]
  for (let from = size; from < entries.length; from += size)
    pages.push({ entries: entries.slice(from, from + size), isLast: from + size >= entries.length })
  return pages
}

/** The drive behind a `MemoryRemote`: what a test scripts, what another client does to it, and what lies there. */
export class MemoryDrive implements RemoteChanges, RemoteTrash {
  readonly tree: MemoryTree
  readonly now: () => number
  /** What `watch` tells. */
  readonly feed = new MemoryFeed()
  readonly script = new CallScript<RemoteMethod>()
  /** Versions kept of a file, the current one included. */
  versionsKept: number
  readonly #trash: MemoryTrash

  /** As the account's settings say it now. */
  readonly retention = retentionOf(() => this.versionsKept)

  constructor(tree: MemoryTree, now: () => number, versionsKept: number) {
    this.tree = tree
    this.now = now
    this.versionsKept = versionsKept
    this.#trash = new MemoryTrash(tree, this.script, now)
  }

  listTrash(top: RemotePath): AsyncIterable<readonly TrashedEntry[]> {
    return this.#trash.listTrash(top)
  }

  countTrashed(folder: TrashedEntry): Promise<TrashedCount> {
    return this.#trash.countTrashed(folder)
  }

  putBack(entries: readonly TrashedEntry[]): Promise<readonly TrashedEntry[]> {
    return this.#trash.putBack(entries)
  }

  purge(entries: readonly TrashedEntry[]): Promise<void> {
    return this.#trash.purge(entries)
  }

  contentUrl(path: RemotePath): Promise<string> {
    return this.script.run(
      'contentUrl',
      path.join('/'),
      () => `${secretUrl}&of=${this.tree.get(path).current}`,
    )
  }

  /** Of pictures alone. */
  thumbnailUrl(path: RemotePath): Promise<string | undefined> {
    return this.script.run('thumbnailUrl', path.join('/'), () =>
      /\.(png|jpg)$/.test(this.tree.get(path).name) ? `${secretUrl}&thumb=true` : undefined,
    )
  }

  watch({ signal }: { readonly signal: AbortSignal }): AsyncIterable<WatchNotice> {
    return this.feed.notices(signal)
  }

  async *changesSince(sinceMs: number): AsyncIterable<ChangedPage> {
    const askedAtMs = this.now()
    const which = { size: Infinity, changedSinceMs: sinceMs }
    const { entries } = await this.script.run('changesSince', '', () =>
      this.tree.pageBelow(this.tree.root, { depth: 0, made: 0 }, which),
    )
    yield { entries, askedAtMs }
  }

  makeCurrent(path: RemotePath, entity: EntityId): Promise<void> {
    return this.script.run('makeCurrent', path.join('/'), () => {
      const node = this.tree.get(path)
      if (!node.versions.some((version) => version.entity === entity))
        throw new RemoteError('entity-gone', `${path.join('/')}: this version is not kept any more`)
      node.current = entity
    })
  }

  // --- the script, shortened

  get calls(): readonly RecordedCall[] {
    return this.script.calls
  }

  get offline(): boolean {
    return this.script.offline
  }

  set offline(offline: boolean) {
    this.script.offline = offline
  }

  fail(method: RemoteMethod, error: RemoteError, times = 1): void {
    this.script.fail(method, error, times)
  }

  loseAnswers(method: RemoteMethod, times = 1): void {
    this.script.loseAnswers(method, times)
  }

  hold(method: RemoteMethod, at: 'before' | 'after' = 'before'): Gate {
    return this.script.hold(method, at)
  }

  count(method?: RemoteMethod): number {
    return this.script.count(method)
  }

  // --- another client

  /** Current bytes of a file; undefined when there is no such file. */
  bytesAt(path: PathLike): Uint8Array | undefined {
    const node = this.tree.find(toPath(path))
    return node?.kind === 'file' ? this.tree.currentBytes(node) : undefined
  }

  /** Current text of a file; undefined when there is no such file. */
  textAt(path: PathLike): string | undefined {
    const bytes = this.bytesAt(path)
    return bytes && Buffer.from(bytes).toString('utf8')
  }

  /** What the files in the trash have. */
  textsInTrash(): string[] {
    const nodes = this.tree.trash.flatMap((top) => [...this.tree.walk(top)])
    return nodes.map((node) => Buffer.from(this.tree.currentBytes(node)).toString())
  }

  entryAt(path: PathLike): RemoteEntry {
    return this.tree.entry(this.tree.get(toPath(path)))
  }

  /** Paths of everything in the drive, sorted; folders end in `/`. */
  paths(): string[] {
    return [...this.tree.walk()]
      .filter((node) => node !== this.tree.root)
      .map((node) => this.tree.pathOf(node).join('/') + (node.kind === 'folder' ? '/' : ''))
      .sort()
  }

  /** Creates or overwrites a file, whatever was there. */
  putAsOther(path: PathLike, content: Uint8Array | string): RemoteEntry {
    const node = this.tree.find(toPath(path)) ?? this.newFile(toPath(path))
    this.tree.addVersion(node, Uint8Array.from(Buffer.from(content)), this.versionsKept)
    return this.tree.entry(node)
  }

  mkdirAsOther(path: PathLike): RemoteEntry {
    return this.tree.entry(this.tree.ensureFolder(toPath(path)))
  }

  /** Renames and moves in one step; never replaces. */
  moveAsOther(from: PathLike, to: PathLike): void {
    const target = toPath(to)
    if (this.tree.find(target)) throw exists(target)
    this.tree.attach(this.tree.get(toPath(from)), this.tree.ensureFolder(target.slice(0, -1)), target.at(-1)!)
  }

  /** With the same contents, under another name. */
  copyAsOther(from: PathLike, to: PathLike): void {
    const target = toPath(to)
    if (this.tree.find(target)) throw exists(target)
    const name = this.tree.checkName(target.at(-1) ?? '')
    this.tree.copyInto(this.tree.get(toPath(from)), this.tree.ensureFolder(target.slice(0, -1)), name)
  }

  /** Looks how much is in a folder. */
  countAsOther(path: PathLike): void {
    this.#trash.count(this.tree.folder(toPath(path)))
  }

  removeAsOther(path: PathLike): void {
    this.tree.toTrash(this.tree.get(toPath(path)))
  }

  protected newFile(path: RemotePath): MemoryNode {
    const name = path.at(-1)
    if (name === undefined) throw new RemoteError('denied', 'the root is not a file')
    return this.tree.node('file', this.tree.checkName(name), this.tree.ensureFolder(path.slice(0, -1)))
  }
}

function retentionOf(kept: () => number): KeptVersions {
  return {
    get max() {
      return kept()
    },
    extensions: [],
  }
}
