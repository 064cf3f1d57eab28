import type { RemoteContent } from '../../remote/remote.ts'
import type { EntityId, UploadRequest, UploadSource } from '../../remote/types.ts'

/** Contents up to this size, bytes, are remembered: what one request saves. */
export const rememberedBytes = 4 * 1024 * 1024

/**
 * What was saved a moment ago is often read next (a build, git, an editor that opens its file again): the bytes that pass on
 * their way to the server are told to `remember` with the content's new name.
 */
export function rememberUploads(
  upload: RemoteContent['upload'],
  remember: (entity: EntityId, bytes: Uint8Array) => void,
): RemoteContent['upload'] {
  return async (request: UploadRequest, options) => {
    const { source } = request
    if (source.sizeBytes === 0 || source.sizeBytes > rememberedBytes) return upload(request, options)
    const copy = new Copy(source)
    const entry = await upload({ ...request, source: copy }, options)
    if (entry.entity !== undefined && entry.sizeBytes === source.sizeBytes && copy.isWhole) {
      remember(entry.entity, copy.bytes)
    }
    return entry
  }
}

/** Keeps what passes. Reads come in order or again; a gap makes the copy useless, not wrong. */
class Copy implements UploadSource {
  readonly sizeBytes: number
  readonly bytes: Uint8Array
  readonly #source: UploadSource
  /** Bytes from the start on that have passed. */
  #until = 0

  constructor(source: UploadSource) {
    this.#source = source
    this.sizeBytes = source.sizeBytes
    this.bytes = new Uint8Array(source.sizeBytes)
  }

  get isWhole(): boolean {
    return this.#until === this.sizeBytes
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    const part = await this.#source.read(start, end)
    this.bytes.set(part, start)
    if (start <= this.#until) this.#until = Math.max(this.#until, start + part.length)
    return part
  }
}
