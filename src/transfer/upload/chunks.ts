import type { ByteRange } from '../../base/ranges.ts'
import type { StreamBody } from '../../api/http.ts'
import { bodyOf } from '../upload-source.ts'
import { chunkRanges } from './chunk-ranges.ts'
import type { ContentUpload } from './content-upload.ts'
import { Progress } from './progress.ts'

/** What an operator allows may be more than does any good. */
const MOST_AT_A_TIME = 4

/** The chunks of one session: which are there, what each was called, how far all of them are. */
export class Chunks {
  readonly ranges: readonly ByteRange[]
  readonly #upload: ContentUpload
  readonly #progress: Progress
  /** By index; undefined for a chunk that was taken without a tag. */
  readonly #done = new Map<number, string | undefined>()

  constructor(upload: ContentUpload) {
    const { source, session, done = [], onProgress } = upload
    this.#upload = upload
    this.#progress = new Progress(onProgress)
    this.ranges = chunkRanges(source.sizeBytes, session.chunk_size)
    for (const { index, etag } of done) this.#keep(index, etag)
  }

  get count(): number {
    return this.ranges.length
  }

  /** Ascending indexes of those that were not taken yet. */
  get pending(): number[] {
    return [...this.ranges.keys()].filter((index) => !this.#done.has(index))
  }

  /** Requests at a time that the storage policy allows. */
  get width(): number {
    const allowed = this.#upload.session.storage_policy?.chunk_concurrency ?? 1
    return Math.min(MOST_AT_A_TIME, Math.max(1, allowed))
  }

  rangeOf(index: number): ByteRange {
    const range = this.ranges[index]
    if (!range) throw new RangeError(`there is no chunk ${index} among ${this.count}`)
    return range
  }

  /** Bytes of a chunk, or those from `skippedBytes` of it on, read from the source while they are sent. */
  bodyOf(index: number, skippedBytes = 0): StreamBody {
    const { start, end } = this.rangeOf(index)
    return bodyOf(this.#upload.source, { start: start + skippedBytes, end }, (sent) =>
      this.#progress.of(index, skippedBytes + sent),
    )
  }

  taken(index: number, etag?: string): void {
    this.#keep(index, etag)
    this.#upload.onChunkDone?.({ index, etag })
  }

  etagOf(index: number): string | undefined {
    return this.#done.get(index)
  }

  #keep(index: number, etag: string | undefined): void {
    const { start, end } = this.rangeOf(index)
    this.#done.set(index, etag)
    this.#progress.of(index, end - start)
  }
}
