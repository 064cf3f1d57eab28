/** What all parts of the adapter share about one mount. */
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { ApiClient } from '../../api/client.ts'
import { joinUri, parseUri, type CloudreveUri } from '../../api/uri.ts'
import { RemoteError } from '../errors.ts'
import type { KeptVersions } from '../kept-versions.ts'
import type { EntityId, RemotePath, UploadRequest } from '../types.ts'

export interface MountContext {
  readonly client: ApiClient
  readonly clock: Clock
  readonly log: Log
  readonly root: CloudreveUri
  /** Id that the server uses for "no content". */
  readonly noContent: EntityId
  readonly userId: string
  /** false: an anonymous visitor. */
  readonly isSignedIn: boolean
  /** Largest page of a listing. */
  readonly pageSize: number
  /** Most objects in one call. */
  readonly batchSize: number
  /** Storage behind the drive: `local`, `s3`, …; undefined where nothing can be uploaded. */
  readonly policyType: string | undefined
  readonly readOnly: boolean
  /** What becomes of replaced contents; undefined where the server did not tell. */
  readonly versions: KeptVersions | undefined
}

/** The address that a request carries. May hold the password of a share: not for messages. */
export function uriOf({ root }: Pick<MountContext, 'root'>, path: RemotePath): string {
  return joinUri(root, path)
}

/** @throws {RemoteError} `denied` on a mount that must not change anything */
export function requireWritable({ readOnly }: MountContext, path: RemotePath): void {
  if (readOnly) throw new RemoteError('denied', `/${path.join('/')}: this mount is read-only`)
}

/** Entity that the server is to find before it replaces anything. */
export function expectedEntity({ noContent }: MountContext, { previous }: UploadRequest): EntityId {
  return previous === 'absent' ? noContent : previous
}

/**
 * Addresses in batches that name none twice and none below another one: the server refuses both (api/00-live-files §15).
 * What lies deeper comes first.
 */
export function disjointBatches(context: MountContext, paths: readonly RemotePath[]): string[][] {
  const uris = new Set(paths.map((path) => uriOf(context, path)))
  const byDepth = new Map<number, string[]>()
  for (const uri of uris) {
    const depth = ancestorsOf(uri).filter((ancestor) => uris.has(ancestor)).length
    byDepth.set(depth, [...(byDepth.get(depth) ?? []), uri])
  }
  return [...byDepth].sort(([a], [b]) => b - a).flatMap(([, batch]) => chunksOf(batch, context.batchSize))
}

/** Batches of addresses, each once. */
export function plainBatches(context: MountContext, paths: readonly RemotePath[]): string[][] {
  return chunksOf([...new Set(paths.map((path) => uriOf(context, path)))], context.batchSize)
}

/** Batches of addresses without those that lie below another one. */
export function topmostBatches(context: MountContext, paths: readonly RemotePath[]): string[][] {
  const uris = new Set(paths.map((path) => uriOf(context, path)))
  const topmost = [...uris].filter((uri) => !ancestorsOf(uri).some((ancestor) => uris.has(ancestor)))
  return chunksOf(topmost, context.batchSize)
}

export function chunksOf<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = []
  for (let i = 0; i < items.length; i += size) chunks.push(items.slice(i, i + size))
  return chunks
}

function ancestorsOf(uri: string): string[] {
  const { path } = parseUri(uri)
  const rootLength = uri.split('/').length - path.length
  const parts = uri.split('/')
  return path.map((_, depth) => parts.slice(0, rootLength + depth).join('/'))
}
