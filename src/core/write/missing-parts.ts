import { Errno } from '../../base/errno.ts'
import type { Mutex } from '../../base/mutex.ts'
import type { ByteRange } from '../../base/ranges.ts'
import { FsError } from '../errors.ts'
import type { ContentBase } from './content-base.ts'
import type { ReadBase } from './content-parts.ts'
import type { WriteEnvironment } from './environment.ts'
import { fetchPiece, pieceOf, type FetchedPiece, type MissingBase } from './fetch-piece.ts'
import type { StagedFile } from './staged-file.ts'
import type { ContentOwner } from './types.ts'

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

/** Brings here what a staged content shows of its base and only the server has. */
export class MissingParts {
  readonly #deps: MissingPartsDeps

  constructor(deps: MissingPartsDeps) {
    this.#deps = deps
  }

  /** As `FileContent.complete`. @throws {RemoteError} */
  complete(signal: AbortSignal): Promise<void> {
    const { remote } = this.#deps.environment
    return this.#bring((missing, gap) => fetchPiece(remote, missing, gap, signal))
  }

  /** The same, from who reads the base anyway. @throws {FsError} ENOSPC, and what `readBase` throws */
  keep(readBase: ReadBase, signal: AbortSignal): Promise<void> {
    const { room } = this.#deps.environment
    return this.#bring(async (missing, gap) => {
      signal.throwIfAborted()
      const { entity, range } = pieceOf(missing, gap)
      if (!(await room.has(range.end - range.start)))
        throw new FsError(Errno.ENOSPC, `${this.#deps.owner.label}: no room on the local disk`)
      return { entity, range, bytes: await readBase(range.start, range.end) }
    })
  }

  async #bring(fetch: (missing: MissingBase, gap: ByteRange) => Promise<FetchedPiece>): Promise<void> {
    const { owner, base, mutex, staged } = this.#deps
    for (;;) {
      const [gap] = await mutex.run(() => staged()?.extents.missing() ?? [])
      if (!gap) return base.giveBack()
      await this.#store(await fetch({ ...base.address(owner), lender: base.lender }, gap))
    }
  }

  #store({ entity, range, bytes }: FetchedPiece): Promise<void> {
    const { base, mutex, staged, onStored } = this.#deps
    return mutex.run(async () => {
      if (base.entity === entity) await staged()?.storeFetched(range, bytes)
      onStored()
    })
  }
}
