import { invariant } from '../../base/assert.ts'
import type { ByteRange } from '../../base/ranges.ts'
import { isRemoteError, RemoteError } from '../../remote/errors.ts'
import type { ContentAddress, RangeOptions } from '../../remote/remote.ts'
import type { EntityId, RemotePath } from '../../remote/types.ts'
import type { BaseEntity, Lender, WriteRemote } from './types.ts'

/** In steps of so many bytes missing parts of a base are brought here. */
const stepBytes = 4 * 1024 ** 2

export interface MissingBase extends Omit<ContentAddress, 'entity'> {
  readonly entity: BaseEntity
  /** Whose content it is, if not this file's. */
  readonly lender: Lender | undefined
}

export interface FetchedPiece {
  readonly entity: EntityId
  readonly range: ByteRange
  readonly bytes: Uint8Array
}

/** What is brought first of `gap`, a part of the base that is not here. */
export function pieceOf(
  { entity }: MissingBase,
  { start, end }: ByteRange,
  mostBytes = stepBytes,
): Omit<FetchedPiece, 'bytes'> {
  invariant(entity !== 'absent', 'bytes of a base are missing that is not there')
  return { entity, range: { start, end: Math.min(end, start + mostBytes) } }
}

/** `piece` of the base. @throws {RemoteError} */
export async function fetchPiece(
  remote: Pick<WriteRemote, 'readRange' | 'infoById' | 'facts'>,
  base: MissingBase,
  { entity, range }: Omit<FetchedPiece, 'bytes'>,
  options: RangeOptions,
): Promise<FetchedPiece> {
  const { lender } = base
  const read = (path: ContentAddress['path']) =>
    remote.readRange({ entity, path, sizeBytes: base.sizeBytes }, range, options)
  try {
    return { entity, range, bytes: await read(base.path) }
  } catch (error) {
    if (!lender || !isRemoteError(error, 'not-found', 'entity-gone')) throw error
    const path = await pathNow(remote, lender)
    return { entity, range, bytes: await read(() => path) }
  }
}

/** Where a file is by now that was moved by somebody else. @throws {RemoteError} `entity-gone` when it was deleted */
export async function pathNow(
  remote: Pick<WriteRemote, 'infoById' | 'facts'>,
  { id, path }: Lender,
): Promise<RemotePath> {
  const gone = (cause?: unknown) =>
    new RemoteError('entity-gone', `/${path.join('/')}, of which this is a copy, was deleted`, { cause })
  try {
    const found = remote.facts.pathOf((await remote.infoById(id)).uri)
    if (found) return found
  } catch (error) {
    throw isRemoteError(error, 'not-found') ? gone(error) : error
  }
  throw gone()
}
