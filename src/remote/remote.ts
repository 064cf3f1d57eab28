/**
 * The port: what the filesystem core asks of a server. Every method may throw `RemoteError` and nothing else on purpose.
 * An aborted `signal` ends the *waiting*; a request that is on its way is never cut (only content streams are).
 */
import type { ByteRange } from '../base/ranges.ts'
import type { RemoteChanges } from './changes.ts'
import type { KeptVersions } from './kept-versions.ts'
import type { RemoteTrash } from './trash.ts'
import type {
  ActivityPage,
  ActivityQuery,
  AskedSession,
  Capacity,
  EntityId,
  FileId,
  ListingPage,
  MetadataPatch,
  RemoteDetails,
  RemoteEntry,
  RemotePath,
  SubtreePage,
  UploadRequest,
  UploadSession,
} from './types.ts'

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/** Of the bytes that are going to be answered so many have come, from the start on; they stay as they are. */
export type RangeProgress = (bytes: Uint8Array, filledBytes: number) => void

export interface RangeOptions extends CallOptions {
  /** Nobody waits for it yet: it keeps nothing waiting that somebody waits for. */
  readonly isAhead?: boolean
  /** Memory of the length of the range, which the bytes may be answered in. It is the caller's again only if they are. */
  readonly into?: Uint8Array
  /** Called now and then, or never. */
  readonly onProgress?: RangeProgress
}

export interface RemoveOptions extends CallOptions {
  /** For good, whatever it is by now: for what nobody else can have changed. */
  readonly permanently?: boolean
}

export interface RemoteTree {
  /**
   * The complete folder, page by page as the server delivers them, without repeats. Throws rather than ending early: a walk
   * that ended without an error saw everything.
   */
  list(folder: RemotePath, options?: CallOptions): AsyncIterable<ListingPage>
  /**
   * Everything below the folder, at any depth, each object once, parents before what is in them; throws rather than ending early.
   * What is moved meanwhile may be missing (api/00-live-files §11). `unsupported` when the server does not walk so many folders.
   * There is a first page even if it is empty.
   */
  listSubtree(folder: RemotePath, options?: CallOptions): AsyncIterable<SubtreePage>
  info(path: RemotePath, options?: CallOptions): Promise<RemoteEntry>
  /** The object wherever it is now. `not-found` also when it lies in the trash. */
  infoById(id: FileId, options?: CallOptions): Promise<RemoteEntry>
  /** Creates missing parents too. `exists` when the name is taken. */
  createFolder(path: RemotePath, options?: CallOptions): Promise<RemoteEntry>
  /** An empty file without content. `exists` when the name is taken. */
  createFile(
    path: RemotePath,
    metadata: Readonly<Record<string, string>>,
    options?: CallOptions,
  ): Promise<RemoteEntry>
  /** Never replaces: `exists` when the new name is taken. */
  rename(path: RemotePath, newName: string, options?: CallOptions): Promise<RemoteEntry>
  /** Keeps names; `exists` when one is taken in `folder` (then nothing was moved). */
  move(paths: readonly RemotePath[], folder: RemotePath, options?: CallOptions): Promise<void>
  /** Server-side copy under the same names into another folder. */
  copy(paths: readonly RemotePath[], folder: RemotePath, options?: CallOptions): Promise<void>
  /** To the trash. `not-found` when some are not there, which `absent` names; the others are deleted. */
  remove(paths: readonly RemotePath[], options?: RemoveOptions): Promise<void>
  patchMetadata(
    paths: readonly RemotePath[],
    patches: readonly MetadataPatch[],
    options?: CallOptions,
  ): Promise<void>
}

/** One content of one file. */
export interface ContentAddress {
  /** Where the file is now; asked for anew whenever a signed URL is needed. */
  readonly path: () => RemotePath | undefined
  readonly entity: EntityId
  readonly sizeBytes: number
}

export interface RemoteContent {
  /**
   * Exactly the bytes of `range`, which lies within the content. Cut streams are resumed at the byte, expired URLs renewed.
   * `entity-gone` when the server does not keep this content any more.
   */
  readRange(content: ContentAddress, range: ByteRange, options?: RangeOptions): Promise<Uint8Array>
  /**
   * These contents are going to be read: what the server has to be asked before that is asked for all of them together. What it does
   * not tell now it is asked when they are read.
   */
  prepareReads(contents: readonly ContentAddress[]): Promise<void>
  /**
   * Makes `source` the current content of `path`, by the cheapest call that can carry the request, confirmed by the server.
   * `stale` when the content is not `previous` any more; `unknown-outcome` when the answer was lost and asking did not help.
   */
  upload(request: UploadRequest, options?: CallOptions): Promise<RemoteEntry>
  /** Shows an older content that is kept again. `entity-gone` when it is not. */
  makeCurrent(path: RemotePath, entity: EntityId, options?: CallOptions): Promise<void>
  /**
   * Ends a session that nobody will finish, so that its lock does not stay for a day. Harmless when it is complete or gone. One that
   * was only asked for is looked for, and ended when what is found can be no other. True: nothing is left of it. False: an upload
   * works on it, or it is not there and may still come.
   */
  cancelUpload(session: EndableSession, options?: CallOptions): Promise<boolean>
}

export type EndableSession = Pick<UploadSession, 'id' | 'uri'> | AskedSession

export interface RemoteFacts {
  details(path: RemotePath, options?: CallOptions): Promise<RemoteDetails>
  /** Falls back to a derived history where the server has no activity log. */
  activities(path: RemotePath, query: ActivityQuery, options?: CallOptions): Promise<ActivityPage>
  /** Where anybody can read the file's current content for some time: a secret. Inside a share it counts as a download. */
  contentUrl(path: RemotePath, options?: CallOptions): Promise<string>
  /** The same of a small picture of the file, which the server may have to make first. Undefined where it makes none. */
  thumbnailUrl(
    path: RemotePath,
    entry: Pick<RemoteEntry, 'metadata'>,
    options?: CallOptions,
  ): Promise<string | undefined>
  capacity(options?: CallOptions): Promise<Capacity>
}

export interface Remote extends RemoteTree, RemoteTrash, RemoteContent, RemoteFacts, RemoteChanges {
  readonly facts: RemoteProperties
  /** Waits for requests on their way, then lets go of connections. */
  close(): Promise<void>
}

/** What is known of server and account once connected. */
export interface RemoteProperties {
  /** For messages: `https://cloud.example.com`. */
  readonly origin: string
  readonly userId: string
  readonly userName: string
  /** True for a share or when asked for: every write is refused. */
  readonly readOnly: boolean
  /** Each file that is read counts as a download, of which there may be only so many: inside a share (api/01 §12). */
  readonly countsReads?: boolean | undefined
  /** Longest name of a file, bytes (255 for folders); less on `local` policies (api/00-live-files §5). */
  readonly maxFileNameBytes: number
  /** As it was when the connection was made; undefined when the server did not tell. */
  readonly capacity?: Capacity | undefined
  /** What the account keeps of what is overwritten, as it was when the connection was made; undefined when the server did not tell. */
  readonly versions?: KeptVersions | undefined
  /** The drive's top folder, as it was when the connection was made; undefined when it was not looked at. */
  readonly top?: Pick<RemoteEntry, 'id' | 'createdAtMs'> | undefined
  /** `user.cloudreve.uri` and messages: URI of an object of this mount. */
  uriOf(path: RemotePath): string
  /** The way back: of a `RemoteEntry.uri`; undefined when it lies outside of this mount, in the trash say. */
  pathOf(uri: string): RemotePath | undefined
}
