import { invariant } from '../../base/assert.ts'
import type { ByteRange } from '../../base/ranges.ts'
import type { ContentAddress } from '../../remote/remote.ts'
import type { EntityId } from '../../remote/types.ts'
import type { BaseEntity, WriteRemote } from './types.ts'

/** In steps of so many bytes missing parts of a base are brought here. */
const stepBytes = 4 * 1024 ** 2

/** The beginning of `gap`, a part of the base that is not here. @throws {RemoteError} */
export async function fetchPiece(
  remote: Pick<WriteRemote, 'readRange'>,
  base: Omit<ContentAddress, 'entity'> & { readonly entity: BaseEntity },
  { start, end }: ByteRange,
  signal: AbortSignal,
): Promise<{ entity: EntityId; range: ByteRange; bytes: Uint8Array }> {
  const { entity } = base
  invariant(entity !== 'absent', 'bytes of a base are missing that is not there')
  const range = { start, end: Math.min(end, start + stepBytes) }
  return { entity, range, bytes: await remote.readRange({ ...base, entity }, range, { signal }) }
}
