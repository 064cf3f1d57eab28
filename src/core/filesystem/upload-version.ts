import { isRemoteError } from '../../remote/errors.ts'
import type { RemoteEntry, RemotePath, UploadRequest } from '../../remote/types.ts'
import type { BaseEntity } from '../write/index.ts'
import type { Core } from './core.ts'

export interface VersionUpload extends Pick<UploadRequest, 'metadata' | 'modifiedAtMs'> {
  readonly path: RemotePath
  /** The content that it replaces. */
  readonly previous: BaseEntity
  readonly bytes: Uint8Array
}

/**
 * Makes `bytes` the next version of a file. After an answer that was lost the file says what became of it: it is done, or it is
 * done once more.
 * @throws {RemoteError} as `RemoteContent.upload`
 */
export async function uploadVersion(core: Core, version: VersionUpload): Promise<RemoteEntry> {
  try {
    return await send(core, version)
  } catch (error) {
    if (!isRemoteError(error, 'unknown-outcome')) throw error
    const entry = await core.remote.info(version.path)
    if ((entry.entity ?? 'absent') === version.previous) return send(core, version)
    if (await has(core, entry, version)) return entry
    throw error
  }
}

function send({ remote }: Core, { path, previous, bytes, ...facts }: VersionUpload): Promise<RemoteEntry> {
  const read = async (start: number, end: number) => bytes.subarray(start, end)
  return remote.upload({ path, previous, source: { sizeBytes: bytes.length, read }, ...facts })
}

async function has({ remote }: Core, entry: RemoteEntry, { path, bytes }: VersionUpload): Promise<boolean> {
  const { entity, sizeBytes } = entry
  if (sizeBytes !== bytes.length) return false
  if (entity === undefined || sizeBytes === 0) return sizeBytes === 0
  const range = { start: 0, end: sizeBytes }
  return Buffer.compare(await remote.readRange({ path: () => path, entity, sizeBytes }, range), bytes) === 0
}
