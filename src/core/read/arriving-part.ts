import type { ByteRange } from '../../base/ranges.ts'
import type { RangeProgress } from '../../remote/remote.ts'

interface Waiting {
  /** So many bytes of the part have to be there. */
  readonly filledBytes: number
  readonly resolve: () => void
}

/** Bytes of a content that come with one request. What is there of them can be had before the rest has come. */
export class ArrivingPart {
  /** All of them. */
  readonly whole: Promise<Uint8Array>
  readonly #range: ByteRange
  #bytes: Uint8Array | undefined
  #filledBytes = 0
  #isRead = false
  #waiting: Waiting[] = []

  /** @param request answers all bytes of `range` */
  constructor(range: ByteRange, request: (onProgress: RangeProgress) => Promise<Uint8Array>) {
    this.#range = range
    this.whole = this.#run(request)
  }

  /** Its last bytes were looked at: who reads on is beyond it. */
  get isRead(): boolean {
    return this.#isRead
  }

  /** Whether the bytes of `range`, which lies within the part, are there. */
  has({ end }: ByteRange): boolean {
    return end - this.#range.start <= this.#filledBytes
  }

  /** The bytes of `range`, as a view; undefined: not all are there, or no more, or they lie beyond the part. */
  viewOf(range: ByteRange): Uint8Array | undefined {
    const { start, end } = this.#range
    if (range.start < start || range.end > end || !this.has(range)) return undefined
    this.#isRead ||= range.end === end
    return this.#bytes?.subarray(range.start - start, range.end - start)
  }

  /** Waits until the bytes of `range`, which lies within the part, are there. @throws what the request throws, unless they have come before */
  async filled({ end }: ByteRange): Promise<void> {
    const filledBytes = end - this.#range.start
    if (filledBytes > this.#filledBytes) await Promise.race([this.whole, this.#filledTo(filledBytes)])
  }

  /** Nobody gets to see its bytes any more. */
  letGo(): void {
    this.#bytes = undefined
  }

  #filledTo(filledBytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ filledBytes, resolve })
    })
  }

  async #run(request: (onProgress: RangeProgress) => Promise<Uint8Array>): Promise<Uint8Array> {
    const bytes = await request((soFar, filledBytes) => this.#fill(soFar, filledBytes))
    this.#fill(bytes, bytes.length)
    return bytes
  }

  #fill(bytes: Uint8Array, filledBytes: number): void {
    this.#bytes = bytes
    this.#filledBytes = filledBytes
    if (this.#waiting.length === 0) return
    const served = this.#waiting.filter((waiting) => waiting.filledBytes <= filledBytes)
    if (served.length === 0) return
    this.#waiting = this.#waiting.filter((waiting) => waiting.filledBytes > filledBytes)
    for (const { resolve } of served) resolve()
  }
}
