/**
 * Decides, for one handle, how far beyond a read to fetch. Knows offsets only: no I/O, no time.
 *
 * Owns a few *streams*, each a run of reads that follow each other (several, because one handle may be read at two places
 * by turns). A stream is young until a read in sequence needs more than the first blocks; then it has a window:
 *
 *     start          frontier            ahead
 *       |   read        |    asked for     |
 *
 * The kernel's own readahead arrives in parallel and slightly out of order: a read that overtakes others begins a stream, the
 * late ones continue the stream before it, and within a window order does not matter. While a stream goes forward its
 * `frontier` never goes back, and at most one window lies between it and `ahead`.
 */
import type { ByteRange } from '../../base/ranges.ts'
import type { ReadOptions } from './read-options.ts'

/** What there is of a read: all of it; all of it is here or on its way; some of it has not been asked for. */
export type Presence = 'here' | 'coming' | 'missing'

interface Stream {
  start: number
  /** Highest byte that was read, exclusive. */
  frontier: number
  /** Everything before this has been asked for, from `start` on. */
  ahead: number
  /** One block while young. */
  windowBytes: number
  /** Some read has waited for bytes since the window became what it is. */
  hasWaited: boolean
  /** Reads that each ended where the one before began. */
  backwards: number
}

type WindowOptions = Pick<ReadOptions, 'blockBytes' | 'firstWindowBytes' | 'maxWindowBytes' | 'partBytes'>

export interface WindowBounds {
  /** No window is longer. */
  readonly capBytes: number
  /** Longer windows than this do not make the line busier, as far as is known; 0: nothing is known. */
  readonly busyBytes: number
}

/** Enough for one handle that two or three threads read; more would take random reads for streams. */
const MAX_STREAMS = 4
/**
 * At most so many times as long as it was is a window that the line alone would have. Who began at the first byte and has come to
 * the next window is going to read all of it: he has the longest at once, where each step in between would be a round trip.
 */
const mostGrowth = { fromFirstByte: 64, fromElsewhere: 16 }
/** Half of what the kernel reads ahead of a program by default; of one that asks for little it asks for less at first. */
const READS_ON_BLOCKS = 2

export class ReadWindows {
  readonly #options: WindowOptions
  /** Last used first. */
  #streams: Stream[] = []

  constructor(options: WindowOptions) {
    this.#options = options
  }

  /** True while some stream fetches ahead. */
  get isStreaming(): boolean {
    return this.#streams.some((stream) => !this.#isYoung(stream))
  }

  /**
   * Notes a read and answers what to have, a range that begins and ends at blocks (its end may lie beyond the content) and
   * covers the read.
   */
  note(read: ByteRange, presence: Presence, bounds: WindowBounds): ByteRange {
    const forward = this.#streams.find((stream) => this.#continues(stream, read))
    if (forward) {
      this.#use(forward)
      return this.#advance(forward, read, presence, bounds)
    }
    const backward = this.#streams.find((stream) => this.#precedes(stream, read))
    if (backward) {
      this.#use(backward)
      return this.#retreat(backward, read, presence, bounds)
    }
    return this.#begin(read, presence, bounds)
  }

  #isYoung({ windowBytes }: Stream): boolean {
    return windowBytes < this.#options.firstWindowBytes
  }

  #continues(stream: Stream, { start }: ByteRange): boolean {
    const { blockBytes, firstWindowBytes } = this.#options
    if (start < stream.start) return false
    if (!this.#isYoung(stream))
      return start >= stream.frontier - firstWindowBytes && start <= stream.ahead + blockBytes
    return start >= stream.frontier - blockBytes && start <= stream.frontier
  }

  #precedes(stream: Stream, { start, end }: ByteRange): boolean {
    return (
      this.#isYoung(stream) &&
      start < stream.start &&
      end >= stream.start &&
      end <= stream.start + this.#options.blockBytes
    )
  }

  #use(stream: Stream): void {
    if (this.#streams[0] === stream) return
    this.#streams = [stream, ...this.#streams.filter((other) => other !== stream)]
  }

  #begin(read: ByteRange, presence: Presence, bounds: WindowBounds): ByteRange {
    const { start, end } = this.#blocksOf(read)
    const { blockBytes } = this.#options
    const stream = {
      start: read.start,
      frontier: read.end,
      ahead: end,
      windowBytes: blockBytes,
      hasWaited: false,
      backwards: 0,
    }
    this.#streams = [stream, ...this.#streams].slice(0, MAX_STREAMS)
    // Who begins at the beginning with so much at once reads on.
    if (read.start === 0 && read.end >= READS_ON_BLOCKS * blockBytes)
      this.#extend(stream, read, presence, bounds)
    return { start, end: stream.ahead }
  }

  #advance(stream: Stream, read: ByteRange, presence: Presence, bounds: WindowBounds): ByteRange {
    const { start, end } = this.#blocksOf(read)
    const progress = read.end > stream.frontier
    const isLost = presence === 'missing' && !this.#isYoung(stream) && read.start < stream.ahead
    if (isLost) this.#reset(stream, end)
    // A read that overtook another one leaves a gap; the other one is on its way.
    const from = Math.min(start, stream.ahead)
    stream.frontier = Math.max(stream.frontier, read.end)
    if (presence !== 'here' && !isLost) stream.hasWaited = true
    if (!progress) return { start, end: Math.max(end, stream.ahead) }
    this.#extend(stream, read, presence, bounds)
    stream.ahead = Math.max(stream.ahead, end)
    return { start: from, end: stream.ahead }
  }

  /** What was fetched ahead is gone before it was read: memory is short, so begin again with little. */
  #reset(stream: Stream, ahead: number): void {
    stream.windowBytes = this.#options.firstWindowBytes
    stream.hasWaited = false
    stream.ahead = ahead
  }

  #extend(stream: Stream, read: ByteRange, presence: Presence, bounds: WindowBounds): void {
    const { firstWindowBytes, maxWindowBytes, partBytes, blockBytes } = this.#options
    const cap = Math.max(blockBytes, this.#wholeBlocks(Math.min(maxWindowBytes, bounds.capBytes)))
    const remaining = () => stream.ahead - stream.frontier
    if (this.#isYoung(stream)) {
      if (remaining() > stream.windowBytes / 2) return
      stream.windowBytes = firstWindowBytes
      stream.hasWaited = presence === 'missing'
      stream.ahead = Math.max(stream.ahead, this.#blocksOf(read).start + Math.min(firstWindowBytes, cap))
    } else if (stream.windowBytes < cap) {
      if (remaining() > stream.windowBytes / 2) return
      stream.windowBytes = Math.min(this.#grown(stream, bounds), cap)
      stream.hasWaited = presence === 'missing'
      stream.ahead = this.#wholeParts(stream.ahead, this.#wholeBlocks(stream.frontier + stream.windowBytes))
    } else {
      const step = Math.max(blockBytes, this.#wholeBlocks(Math.min(partBytes, cap / 2)))
      while (remaining() <= cap - step)
        stream.ahead = this.#wholeParts(
          stream.ahead,
          Math.max(stream.ahead, this.#blocksOf(read).start) + step,
        )
    }
  }

  #grown({ windowBytes, hasWaited, start }: Stream, { busyBytes }: WindowBounds): number {
    if (!hasWaited) return 2 * windowBytes
    const most = (start === 0 ? mostGrowth.fromFirstByte : mostGrowth.fromElsewhere) * windowBytes
    return Math.max(4 * windowBytes, this.#wholeBlocks(Math.min(busyBytes, most)))
  }

  /** The last end of a part beyond `from` and up to `to`, or `to`: files of the disk cache begin where parts do. */
  #wholeParts(from: number, to: number): number {
    const { partBytes } = this.#options
    const whole = Math.floor(to / partBytes) * partBytes
    return whole > from ? whole : to
  }

  /** Reading towards the start (`tac`): from the second such read on, what is missing is fetched with what lies before it. */
  #retreat(stream: Stream, read: ByteRange, presence: Presence, { capBytes }: WindowBounds): ByteRange {
    const { firstWindowBytes, blockBytes } = this.#options
    const { start, end } = this.#blocksOf(read)
    stream.start = read.start
    stream.frontier = read.end
    stream.ahead = end
    stream.backwards += 1
    if (presence !== 'missing' || stream.backwards < 2) return { start, end }
    const windowBytes = Math.max(blockBytes, this.#wholeBlocks(Math.min(firstWindowBytes, capBytes)))
    return { start: Math.max(0, Math.min(start, end - windowBytes)), end }
  }

  #blocksOf({ start, end }: ByteRange): ByteRange {
    const { blockBytes } = this.#options
    return {
      start: Math.floor(start / blockBytes) * blockBytes,
      end: Math.ceil(end / blockBytes) * blockBytes,
    }
  }

  #wholeBlocks(bytes: number): number {
    return Math.floor(bytes / this.#options.blockBytes) * this.#options.blockBytes
  }
}
