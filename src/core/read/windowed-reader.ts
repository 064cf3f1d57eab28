import { backoffMs } from '../../base/backoff.ts'
import { delay, waitAtMost, waitUnlessAborted, type Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { ByteRange } from '../../base/ranges.ts'
import { isRemoteError, RemoteError } from '../../remote/errors.ts'
import type { ContentAddress } from '../../remote/remote.ts'
import type { FileSpan } from '../types.ts'
import type { EntityBlocks } from './entity-blocks.ts'
import type { ReadOptions } from './read-options.ts'
import { ReadWindows, type WindowBounds } from './read-windows.ts'

interface WindowedReaderDeps {
  readonly blocks: EntityBlocks
  readonly clock: Clock
  readonly log: Log
  readonly options: ReadOptions
  readonly bounds: (reader: WindowedReader) => WindowBounds
  readonly onClose: (reader: WindowedReader) => void
}

export interface ReadCall {
  /** Aborted, it ends the waiting only. */
  readonly signal?: AbortSignal | undefined
  /** As in `OpContext`. Otherwise what is answered stays as it is. */
  readonly takesViews?: boolean | undefined
}

/** Reads one content, for one file handle. Reads may overlap in time and in place. */
export interface ContentReader {
  readonly content: ContentAddress
  /**
   * `length` bytes from `offset` on, fewer only at the end of the content. Not to be written to: they may be a view of a cached
   * block. Waits through passing troubles until the deadline of the options.
   * @throws {RemoteError} `entity-gone` at once; what the last try met, after the deadline; `aborted`
   */
  read(offset: number, length: number, call?: ReadCall): Promise<Uint8Array>
  /** These bytes, fewer at the end of the content, if they came a moment ago; good until the event loop turns. */
  viewOf(offset: number, length: number): Uint8Array | undefined
  /** Where these bytes, fewer at the end of the content, lie in a local file; undefined when `read` has to look for them. */
  spanOf(offset: number, length: number): FileSpan | undefined
  /** Ends what was fetched ahead, if nobody else reads this content. Reads that still wait may fail with `aborted`. */
  close(): void
}

/** A reader with windows of its own over blocks that it shares with others. */
export class WindowedReader implements ContentReader {
  readonly content: ContentAddress
  readonly #deps: WindowedReaderDeps
  readonly #windows: ReadWindows
  #wantedEnd = -1
  #isClosed = false

  constructor(content: ContentAddress, deps: WindowedReaderDeps) {
    this.content = content
    this.#deps = deps
    this.#windows = new ReadWindows(deps.options)
  }

  /** True while it fetches ahead of somebody who reads in sequence. */
  get isStreaming(): boolean {
    return this.#windows.isStreaming
  }

  async read(offset: number, length: number, { signal, takesViews }: ReadCall = {}): Promise<Uint8Array> {
    const end = Math.min(offset + length, this.content.sizeBytes)
    if (this.#isClosed) throw new RemoteError('aborted', 'the reader of this content is closed')
    if (signal?.aborted) throw new RemoteError('aborted', 'nobody waits for this read any more')
    if (end <= offset) return new Uint8Array()
    const range = { start: offset, end }
    const { blocks, bounds } = this.#deps
    const wanted = this.#windows.note(range, blocks.presence(range), bounds(this))
    const bytes = await this.#readPatiently(range, this.#isNews(wanted) ? wanted : range, signal)
    return takesViews || !blocks.isPassing(bytes) ? bytes : new Uint8Array(bytes)
  }

  /** False when this is what was wanted last time: looking at each block of it for each read costs more than the read. */
  #isNews({ end }: ByteRange): boolean {
    const isNews = end !== this.#wantedEnd
    this.#wantedEnd = end
    return isNews
  }

  spanOf(offset: number, length: number): FileSpan | undefined {
    return this.#here(offset, length, (range) => this.#deps.blocks.spanOf(range))
  }

  viewOf(offset: number, length: number): Uint8Array | undefined {
    return this.#here(offset, length, (range) => this.#deps.blocks.viewOf(range))
  }

  #here<T>(offset: number, length: number, find: (range: ByteRange) => T | undefined): T | undefined {
    const range = { start: offset, end: Math.min(offset + length, this.content.sizeBytes) }
    const { blocks, bounds } = this.#deps
    const found = this.#isClosed || range.end <= offset ? undefined : find(range)
    if (found === undefined) return undefined
    const wanted = this.#windows.note(range, 'here', bounds(this))
    if (this.#isNews(wanted)) blocks.prefetch(this.content, wanted)
    return found
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#deps.onClose(this)
  }

  async #readPatiently(range: ByteRange, wanted: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    const { blocks, clock, options } = this.#deps
    const deadlineAt = clock.monotonic() + options.deadlineMs
    for (let attempt = 0; ; attempt += 1) {
      try {
        // After a failure only what is waited for: a server that comes back has enough to do.
        const bytes = blocks.read(this.content, range, attempt === 0 ? wanted : range)
        return await waitUnlessAborted(this.#inTime(bytes, deadlineAt), signal)
      } catch (error) {
        const waitMs = this.#waitBeforeNext(error, attempt, deadlineAt, signal)
        await delay(clock, waitMs, signal).catch((cause: unknown) => {
          throw new RemoteError('aborted', 'nobody waits for this read any more', { cause })
        })
      }
    }
  }

  /** What is on its way goes on: others may wait for it, and who asks again later finds it there. */
  #inTime(bytes: Promise<Uint8Array>, deadlineAt: number): Promise<Uint8Array> {
    const { clock, options } = this.#deps
    const seconds = Math.round(options.deadlineMs / 1000)
    const late = () => new RemoteError('offline', `no bytes came for ${seconds} s`)
    return waitAtMost(bytes, { clock, deadlineMs: deadlineAt - clock.monotonic(), late })
  }

  /** @throws what ends the read: giving up, a lasting error, or the deadline. */
  #waitBeforeNext(error: unknown, attempt: number, deadlineAt: number, signal?: AbortSignal): number {
    const { clock, options, log } = this.#deps
    if (signal?.aborted) {
      throw new RemoteError('aborted', 'nobody waits for this read any more', { cause: error })
    }
    if (!isRemoteError(error) || !error.isTransient || this.#isClosed) throw error
    const { retryFirstMs, retryMaxMs, random } = options
    const leftMs = deadlineAt - clock.monotonic()
    if (leftMs <= 0) throw error
    const waitMs = Math.min(leftMs, backoffMs(attempt, { firstMs: retryFirstMs, maxMs: retryMaxMs, random }))
    log.debug('a read waits for the server', { kind: error.kind, attempt, waitMs })
    return waitMs
  }
}
