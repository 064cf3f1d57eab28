import { Errno } from '../../base/errno.ts'
import type { Mutex } from '../../base/mutex.ts'
import type { ByteRange } from '../../base/ranges.ts'
import { FsError } from '../errors.ts'
import { BackgroundParts } from './background-parts.ts'
import type { ContentBase } from './content-base.ts'
import type { ReadBase } from './content-parts.ts'
import type { WriteEnvironment } from './environment.ts'
import { fetchPiece, pieceOf, type FetchedPiece, type MissingBase } from './fetch-piece.ts'
import type { StagedFile } from './staged-file.ts'
import type { BaseEntity, ContentOwner } from './types.ts'

export interface MissingPartsDeps {
  readonly owner: ContentOwner
  readonly environment: WriteEnvironment
  readonly base: ContentBase
  /** Of the content. */
  readonly mutex: Mutex
  readonly staged: () => StagedFile | undefined
  /** More of it lies on the local disk. */
  readonly onStored: () => void
}

/** A larger base is fetched for the upload only: a database of which a page was changed is not brought here as a whole, bytes. */
const backgroundLimitBytes = 256 * 1024 ** 2

/** Brings here what a staged content shows of its base and only the server has. */
export class MissingParts {
  readonly #deps: MissingPartsDeps
  readonly #background: BackgroundParts

  constructor(deps: MissingPartsDeps) {
    this.#deps = deps
    const { background: line, clock, log } = deps.environment
    this.#background = new BackgroundParts({
      line,
      clock,
      log,
      wanted: () => this.#wantedAhead(),
      bring: (mostBytes, signal) => this.#bringAhead(mostBytes, signal),
    })
  }

  /** As `FileContent.complete`. @throws {RemoteError} */
  async complete(signal: AbortSignal): Promise<void> {
    const { remote } = this.#deps.environment
    const release = await this.#background.hold(signal)
    try {
      await this.#bring((missing, gap) => fetchPiece(remote, missing, pieceOf(missing, gap), { signal }))
    } finally {
      release()
    }
  }

  /** The same, from who reads the base anyway. @throws {FsError} ENOSPC, and what `readBase` throws */
  async keep(readBase: ReadBase, signal: AbortSignal): Promise<void> {
    const release = await this.#background.hold(signal)
    try {
      await this.#bring(async (missing, gap) => {
        signal.throwIfAborted()
        const { entity, range } = pieceOf(missing, gap)
        await this.#requireRoom(range)
        return { entity, range, bytes: await readBase(range.start, range.end) }
      })
    } finally {
      release()
    }
  }

  /** What is missing may be something else now. */
  changed(): void {
    this.#background.look()
  }

  close(): void {
    this.#background.close()
  }

  /** The content of another file is copied at the server: it is not fetched unless it has to be. */
  #wantedAhead(): BaseEntity | undefined {
    const { base, staged } = this.#deps
    if (base.entity === 'absent' || base.lender || base.sizeBytes > backgroundLimitBytes) return undefined
    return staged()?.extents.isComplete === false ? base.entity : undefined
  }

  async #bringAhead(mostBytes: number, signal: AbortSignal): Promise<void> {
    const { environment } = this.#deps
    const gap = await this.#gap()
    if (!gap) return
    const missing = this.#missingBase()
    const piece = pieceOf(missing, gap, mostBytes)
    await this.#requireRoom(piece.range)
    await this.#store(await fetchPiece(environment.remote, missing, piece, { signal, isAhead: true }))
  }

  async #bring(fetch: (missing: MissingBase, gap: ByteRange) => Promise<FetchedPiece>): Promise<void> {
    for (;;) {
      const gap = await this.#gap()
      if (!gap) return this.#deps.base.giveBack()
      await this.#store(await fetch(this.#missingBase(), gap))
    }
  }

  /** The first. */
  async #gap(): Promise<ByteRange | undefined> {
    const { mutex, staged } = this.#deps
    const [gap] = await mutex.run(() => staged()?.extents.missing() ?? [])
    return gap
  }

  #missingBase(): MissingBase {
    const { owner, base } = this.#deps
    return { ...base.address(owner), lender: base.lender }
  }

  /** It waits for none: what would make some may wait for this. @throws {FsError} ENOSPC */
  async #requireRoom({ start, end }: ByteRange): Promise<void> {
    const { owner, environment } = this.#deps
    if (await environment.room.has(end - start)) return
    throw new FsError(Errno.ENOSPC, `${owner.label}: no room on the local disk for what only the server has`)
  }

  #store({ entity, range, bytes }: FetchedPiece): Promise<void> {
    const { base, mutex, staged, onStored } = this.#deps
    return mutex.run(async () => {
      if (base.entity === entity) await staged()?.storeFetched(range, bytes)
      onStored()
    })
  }
}
