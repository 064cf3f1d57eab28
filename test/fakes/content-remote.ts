import type { ByteRange } from '../../src/base/ranges.ts'
import type { ContentAddress, RangeOptions, RemoteContent } from '../../src/remote/remote.ts'
import type { EntityId } from '../../src/remote/types.ts'

/** `sizeBytes` bytes that differ at every place, and between seeds. */
export function patternBytes(sizeBytes: number, seed = 1): Uint8Array {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4))
  for (let i = 0; i < words.length; i += 1) words[i] = Math.imul(i + 1, 2_654_435_761) ^ (seed * 97)
  return new Uint8Array(words.buffer, 0, sizeBytes)
}

/** Contents in memory, with a record of what was asked. Answers at once, unless `hold` was called. */
export class ContentRemote implements Pick<RemoteContent, 'readRange' | 'prepareReads'> {
  /** Every range that was asked for, in order. */
  readonly requests: (ByteRange & { readonly entity: EntityId; readonly signal: AbortSignal | undefined })[] =
    []
  /** The contents of each call that asked for what reading them takes. */
  readonly prepared: (readonly EntityId[])[] = []
  readonly #contents = new Map<EntityId, Uint8Array>()
  readonly #faults: (() => Error | undefined)[] = []
  #held: (() => void)[] | undefined
  /** Of what is on its way: `bytes` more come. */
  readonly #trickles = new Set<(bytes: number) => void>()
  /** Bytes asked for and not yet answered. */
  inFlightBytes = 0

  add(entity: string, bytes: Uint8Array): ContentAddress {
    this.#contents.set(entity as EntityId, bytes)
    return { path: () => [entity], entity: entity as EntityId, sizeBytes: bytes.length }
  }

  /** The next `times` requests fail. */
  fail(error: Error, times = 1): void {
    for (let i = 0; i < times; i += 1) this.#faults.push(() => error)
  }

  /** Requests fail, or not, as `fault` says each time. */
  failWhen(fault: () => Error | undefined): void {
    this.#faults.push(fault)
    this.#repeat = true
  }

  #repeat = false

  /** From now on requests wait for `release`. */
  hold(): void {
    this.#held ??= []
  }

  /** Answers the requests that wait, the newest first if told so. */
  release(order: 'oldest-first' | 'newest-first' = 'oldest-first'): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const answer of order === 'oldest-first' ? held : held.reverse()) answer()
  }

  /** So many bytes more come of all that is on its way. */
  trickle(bytes: number): void {
    for (const come of this.#trickles) come(bytes)
  }

  get sizesKiB(): number[] {
    return this.requests.map(({ start, end }) => (end - start) / 1024)
  }

  async prepareReads(contents: readonly ContentAddress[]): Promise<void> {
    this.prepared.push(contents.map(({ entity }) => entity))
  }

  async readRange(content: ContentAddress, range: ByteRange, options?: RangeOptions): Promise<Uint8Array> {
    this.requests.push({ ...range, entity: content.entity, signal: options?.signal })
    const fault = this.#repeat ? this.#faults[0] : this.#faults.shift()
    const sizeBytes = range.end - range.start
    this.inFlightBytes += sizeBytes
    const whole = placed(this.#contents.get(content.entity)?.slice(range.start, range.end), options?.into)
    let filledBytes = 0
    const come = (bytes: number) => {
      filledBytes = Math.min(sizeBytes, filledBytes + bytes)
      if (whole) options?.onProgress?.(whole, filledBytes)
    }
    this.#trickles.add(come)
    await new Promise<void>((resolve) => {
      if (this.#held) this.#held.push(resolve)
      else setImmediate(resolve)
    })
    this.#trickles.delete(come)
    this.inFlightBytes -= sizeBytes
    const error = fault?.()
    if (error) throw error
    const bytes = this.#contents.get(content.entity)
    if (!whole || !bytes || range.start < 0 || range.end > bytes.length || range.start >= range.end) {
      throw new Error(`a range ${range.start}-${range.end} outside of the content was asked for`)
    }
    return whole
  }
}

/** As a line does: into the memory that is there for it. */
function placed(bytes: Uint8Array | undefined, into: Uint8Array | undefined): Uint8Array | undefined {
  if (!bytes || !into) return bytes
  into.set(bytes)
  return into
}
