import { RangeSet, type ByteRange } from '../../base/ranges.ts'
import type { AskedSession, SentChunk, UploadSession } from '../../remote/types.ts'
import { Extents } from './extents.ts'
import type { SideCar, SideCarChange, SideCarHead, SideCarNames } from './side-car.ts'
import type { Attempt } from './types.ts'

type Result = SideCarNames &
  Pick<
    SideCar,
    | 'extents'
    | 'trusted'
    | 'isCut'
    | 'isSynced'
    | 'changes'
    | 'hasStaleBytes'
    | 'session'
    | 'chunks'
    | 'attempts'
  >

/**
 * Goes through the changes of a side-car. When power was lost only what a mark vouches for is known to be on the disk; and
 * that only as long as nothing after the mark overwrote or cut any of it, as that may have arrived without its record's.
 */
export class SideCarReading {
  readonly #extents: Extents
  /** As of the last mark. */
  #marked: Extents | undefined
  /** What was fetched from the base since: it may not be on the disk. */
  readonly #unsynced = new RangeSet()
  /** Something of what is marked was changed in place since. */
  #isTouched = false
  #isNewer = false
  #changes = 0
  #hasStaleBytes: boolean
  #session: UploadSession | AskedSession | undefined
  #chunks: SentChunk[]
  readonly #attempts: Attempt[]
  #names: SideCarNames

  constructor(head: SideCarHead) {
    this.#extents = Extents.fromRecord(head.extents)
    this.#hasStaleBytes = head.hasStaleBytes
    this.#session = head.session
    this.#chunks = [...(head.chunks ?? [])]
    this.#attempts = [...(head.attempts ?? [])]
    this.#names = head
    for (const range of this.#extents.fetched.ranges) this.#unsynced.add(range)
    if (head.isSynced) this.#mark()
  }

  apply(change: SideCarChange): void {
    // A mark with another number has lost changes above it: it vouches for nothing.
    if ('m' in change && change.m === this.#changes) this.#mark()
    this.#changes += 1
    if ('s' in change) this.#begin(change.s ?? undefined)
    else if ('c' in change) this.#chunks.push(change.c)
    else if ('a' in change) this.#attempts.push(change.a)
    else if ('h' in change) this.#rename(change.h)
    else if ('w' in change) this.#write({ start: change.w[0], end: change.w[1] })
    else if ('f' in change) this.#fetch({ start: change.f[0], end: change.f[1] })
    else if ('b' in change) this.#borrow({ start: change.b[0], end: change.b[1] })
    else if ('t' in change) this.#truncate(change)
  }

  /** @param isSameBoot the machine has been running since: what was acknowledged is there */
  result(isSameBoot: boolean): Result {
    const { label, uri, path, replaces } = this.#names
    const certain = this.#isTouched ? undefined : this.#marked
    if (!isSameBoot) this.#extents.unfetch(this.#unsynced)
    return {
      label,
      uri,
      path,
      replaces,
      extents: this.#extents,
      trusted: isSameBoot ? this.#extents : certain,
      isCut: !isSameBoot && (certain === undefined || this.#isNewer),
      isSynced: this.#marked !== undefined,
      changes: this.#changes,
      hasStaleBytes: this.#hasStaleBytes || !isSameBoot,
      session: this.#session,
      chunks: this.#chunks,
      attempts: this.#attempts,
    }
  }

  #mark(): void {
    this.#marked = this.#extents.clone()
    this.#unsynced.truncate(0)
    this.#isTouched = false
    this.#isNewer = false
  }

  #begin(session: UploadSession | AskedSession | undefined): void {
    this.#session = session
    this.#chunks = []
  }

  #fetch(range: ByteRange): void {
    this.#extents.fetch(range)
    this.#unsynced.add(range)
  }

  #write(range: ByteRange): void {
    this.#isNewer = true
    if (this.#marked?.written.present(range).length) this.#isTouched = true
    this.#marked?.fetched.remove(range)
    this.#extents.write(range)
  }

  #borrow(range: ByteRange): void {
    this.#isNewer = true
    this.#extents.showBase(range)
  }

  #truncate({ t: sizeBytes, kept }: { readonly t: number; readonly kept?: true }): void {
    this.#isNewer = true
    if (this.#marked && sizeBytes < this.#marked.sizeBytes) this.#isTouched = true
    if (kept) this.#hasStaleBytes = true
    this.#extents.truncate(sizeBytes)
  }

  #rename({ label, uri, path, replaces }: Extract<SideCarChange, { h: unknown }>['h']): void {
    this.#names = { label, replaces, uri: uri ?? undefined, path: path ?? undefined }
  }
}
