/** A Cloudreve server as a `Remote`. */
import type { BandwidthLimit } from '../../base/bandwidth-limit.ts'
import type { Clock } from '../../base/clock.ts'
import { silentLog, type Log } from '../../base/log.ts'
import { ApiClient } from '../../api/client.ts'
import { listFolder } from '../../api/endpoints/files.ts'
import { currentUser, explorerConfig, ping, userCapacity, userSettings } from '../../api/endpoints/site.ts'
import { isApiError } from '../../api/errors.ts'
import { Http } from '../../api/http.ts'
import { createLanes, type LaneWidths } from '../../api/lanes.ts'
import type { WireListing } from '../../api/schema.ts'
import type { ServerClock } from '../../api/server-clock.ts'
import type { TokenSource } from '../../api/tokens.ts'
import { formatUri, joinUri, parseUri, pathBelow, type CloudreveUri } from '../../api/uri.ts'
import { ContentStreams } from '../../transfer/content-stream.ts'
import { Downloader } from '../../transfer/download.ts'
import { StorageClient } from '../../transfer/storage-client.ts'
import type { KeptVersions } from '../kept-versions.ts'
import type { Remote } from '../remote.ts'
import type { Capacity, EntityId, FileId, RemotePath } from '../types.ts'
import type { MountContext } from './context.ts'
import { LaterRemote, type LaterRemoteOptions } from './later-remote.ts'
import { toEntry } from './map-entry.ts'
import { asRemote } from './map-error.ts'
import { CloudreveRemote } from './remote.ts'

export interface ConnectOptions {
  /** `https://cloud.example.com` */
  readonly origin: string
  /** undefined = an anonymous visitor: shares only. */
  readonly tokenSource?: TokenSource | undefined
  /** Shared with the token source, so that both know the server's time. */
  readonly serverClock?: ServerClock | undefined
  /** `cloudreve://my`, `cloudreve://my/Folder`, `cloudreve://ID[:PASSWORD]@share/Folder`. */
  readonly rootUri: string
  readonly clock: Clock
  readonly log?: Log | undefined
  readonly readOnly?: boolean | undefined
  readonly lanes?: LaneWidths | undefined
  /** Name look-up, TCP and TLS each. Default 10 s. */
  readonly connectTimeoutMs?: number | undefined
  /** A sent call is waited for so long, then let go. Default 90 s. */
  readonly answerTimeoutMs?: number | undefined
  /** A body or stream of which nothing moved for so long is cut. Default 60 s out, 30 s in. */
  readonly stallMs?: number | undefined
  /** Of contents on their way to the server, and from it. */
  readonly limits?: { readonly upload: BandwidthLimit; readonly download: BandwidthLimit } | undefined
}

/** The server clamps it to its own maximum and says so in `props` (api/03 §3). */
const PAGE_SIZE = 2000
/** When the site does not say (api/01 §16). */
const BATCH_SIZE = 3000
const GUEST = { id: '', nickname: 'guest' }

/**
 * Asks the server once for everything that a mount needs to know: version, settings, user, space, what is kept of versions, and the root folder, side
 * by side.
 * @throws {RemoteError} also when the root is not there or not a folder
 */
export function connectCloudreve(options: ConnectOptions): Promise<Remote> {
  const client = clientOf(options)
  return asRemote(async () => {
    try {
      return await connect(client, options)
    } catch (error) {
      await client.close()
      throw error
    }
  })
}

/** What a connection has told that is wanted before there is one again. JSON, without secrets. */
export interface RememberedServer {
  readonly userId: string
  readonly userName: string
  readonly maxFileNameBytes: number
  readonly capacity?: Capacity | undefined
  readonly versions?: KeptVersions | undefined
  readonly top: { readonly id: FileId; readonly createdAtMs: number }
}

/** undefined: it is not known which drive the connection is to. */
export function rememberedOf({ facts }: Remote): RememberedServer | undefined {
  const { userId, userName, maxFileNameBytes, capacity, versions, top } = facts
  if (!top) return undefined
  const { id, createdAtMs } = top
  return { userId, userName, maxFileNameBytes, capacity, versions, top: { id, createdAtMs } }
}

/** A server that cannot be reached now, as an earlier connection has known it. It is asked when anybody wants something of it. */
export function connectLater(
  options: ConnectOptions,
  remembered: RememberedServer,
  how: Pick<LaterRemoteOptions, 'connect' | 'onConnected'>,
): Remote {
  const root = parseUri(options.rootUri)
  const shown = { ...root, password: undefined }
  const facts = {
    ...remembered,
    origin: options.origin,
    readOnly: isReadOnly(options, root),
    countsReads: root.fileSystem === 'share',
    uriOf: (path: RemotePath) => joinUri(shown, path),
    pathOf: (uri: string) => pathBelow(root, uri),
  }
  return new LaterRemote({ facts, clock: options.clock, ...how })
}

function isReadOnly({ readOnly = false }: ConnectOptions, root: CloudreveUri): boolean {
  return readOnly || root.fileSystem !== 'my'
}

async function connect(client: ApiClient, options: ConnectOptions): Promise<Remote> {
  const root = parseUri(options.rootUri)
  const [version, config, user, capacity, versions, listing] = await Promise.all([
    ping(client),
    explorerConfig(client),
    options.tokenSource ? currentUser(client) : GUEST,
    options.tokenSource ? optional(userCapacity(client)) : undefined,
    // What is overwritten in a share is its owner's.
    options.tokenSource && root.fileSystem === 'my' ? optional(keptVersions(client)) : undefined,
    listFolder(client, formatUri(root), { pageSize: 1 }),
  ])
  const context: MountContext = {
    client,
    clock: options.clock,
    log: options.log ?? silentLog,
    root,
    noContent: listing.parent.primary_entity as EntityId,
    userId: user.id,
    isSignedIn: options.tokenSource !== undefined,
    pageSize: listing.props?.max_page_size || PAGE_SIZE,
    batchSize: config.max_batch_size || BATCH_SIZE,
    policyType: listing.storage_policy?.type,
    readOnly: isReadOnly(options, root),
    versions,
  }
  context.log.debug('connected', { origin: client.origin, version, usedBytes: capacity?.used })
  const streams = new ContentStreams({
    clock: options.clock,
    ...(options.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: options.connectTimeoutMs }),
    ...(options.stallMs === undefined ? {} : { stallMs: options.stallMs }),
    ...(options.limits === undefined ? {} : { limit: options.limits.download }),
  })
  return new CloudreveRemote({
    context,
    downloader: new Downloader({ client, streams }),
    storage: new StorageClient({ client, http: httpOf(options) }),
    facts: {
      userId: user.id,
      userName: user.nickname,
      maxFileNameBytes: maxFileNameBytes(listing),
      capacity: capacity && { totalBytes: capacity.total, usedBytes: capacity.used },
      versions,
      top: toEntry(listing.parent, context.noContent),
    },
  })
}

async function keptVersions(client: ApiClient): Promise<KeptVersions> {
  const settings = await userSettings(client)
  const { version_retention_enabled: isOn, version_retention_max: max, version_retention_ext } = settings
  return isOn ? { max, extensions: version_retention_ext ?? [] } : { max: 1, extensions: [] }
}

/** Not every token may ask for it (api/01 §9.6), and a mount works without. */
async function optional<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (isApiError(error, 'refused', 'no-route', 'malformed')) return undefined
    throw error
  }
}

function clientOf(options: ConnectOptions): ApiClient {
  const { origin, clock, tokenSource, log, answerTimeoutMs, serverClock } = options
  return new ApiClient({
    origin,
    clock,
    tokens: tokenSource,
    lanes: createLanes(clock, options.lanes),
    http: httpOf(options),
    ...(log ? { log } : {}),
    ...(serverClock ? { serverClock } : {}),
    ...(answerTimeoutMs === undefined ? {} : { answerTimeoutMs }),
  })
}

function httpOf({ clock, connectTimeoutMs, stallMs, limits }: ConnectOptions): Http {
  return new Http({
    clock,
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    ...(stallMs === undefined ? {} : { sendStallMs: stallMs }),
    limit: limits?.upload,
  })
}

/**
 * On policies that store files on a disk under the default rule, the stored name is the user's number, eight random
 * characters and the name, in 255 bytes (api/00-live-files §5): 245 less the digits of the number. A client does not know
 * the number; seven digits serve ten million users.
 */
const DISK_NAME_BYTES = 245 - 7
const NAME_BYTES = 255
const diskPolicies: ReadonlySet<string> = new Set(['local', 'remote'])

function maxFileNameBytes({ storage_policy: policy }: WireListing): number {
  return policy && !diskPolicies.has(policy.type) ? NAME_BYTES : DISK_NAME_BYTES
}
