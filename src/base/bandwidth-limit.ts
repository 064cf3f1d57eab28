import type { Clock } from './clock.ts'

/** Saved up while nothing is sent, ms of the limit: timers are not that exact. */
const savedUpMs = 100
/** What a stream sends before others have their turn, ms of the limit, within these bounds in bytes. */
const pieceMs = 50
const leastPieceBytes = 1024
const mostPieceBytes = 64 * 1024

interface Piece {
  readonly bytes: number
  readonly onPass: () => void
}

/**
 * A token bucket that streams share: all of them together pass no more than so many bytes a second, and 100 ms' worth at once after a
 * pause. Pieces pass in the order of their requests, so streams that ask for one small piece after the other get equal
 * parts. The limit can be changed at any time.
 */
export class BandwidthLimit {
  readonly #clock: Clock
  #bytesPerSecond = 0
  /** May be below 0: a large piece passes as soon as the bucket is full, and is paid off afterwards. */
  #tokens = 0
  #countedAtMs: number
  #waiting: Piece[] = []
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#countedAtMs = clock.monotonic()
  }

  /** 0 = no limit. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond
  }

  set bytesPerSecond(bytesPerSecond: number) {
    if (bytesPerSecond === this.#bytesPerSecond) return
    this.#count()
    this.#bytesPerSecond = bytesPerSecond
    this.#tokens = Math.min(this.#tokens, this.#bucketBytes)
    this.#advance()
  }

  /** Longest piece that leaves others their turn, bytes; Infinity without a limit. */
  get pieceBytes(): number {
    if (this.#bytesPerSecond === 0) return Infinity
    const bytes = Math.floor((this.#bytesPerSecond * pieceMs) / 1000)
    return Math.min(mostPieceBytes, Math.max(leastPieceBytes, bytes))
  }

  /** Calls `onPass` once when `bytes` may pass, perhaps before it returns; the returned function cancels that. */
  pass(bytes: number, onPass: () => void): () => void {
    const piece = { bytes, onPass }
    this.#waiting.push(piece)
    this.#advance()
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== piece)
      this.#advance()
    }
  }

  get #bucketBytes(): number {
    return Math.max(leastPieceBytes, (this.#bytesPerSecond * savedUpMs) / 1000)
  }

  #count(): void {
    const nowMs = this.#clock.monotonic()
    const gained = (this.#bytesPerSecond * (nowMs - this.#countedAtMs)) / 1000
    this.#tokens = Math.min(this.#bucketBytes, this.#tokens + gained)
    this.#countedAtMs = nowMs
  }

  #advance(): void {
    this.#count()
    for (let next = this.#waiting[0]; next && this.#missing(next) <= 0; next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#tokens -= this.#bytesPerSecond === 0 ? 0 : next.bytes
      next.onPass()
    }
    this.#cancelTimer?.()
    const [next] = this.#waiting
    if (!next) return
    // A whole ms: a shorter wait may end before a token is there, and would be asked for again and again.
    const waitMs = Math.max(1, Math.ceil((this.#missing(next) / this.#bytesPerSecond) * 1000))
    this.#cancelTimer = this.#clock.after(waitMs, () => this.#advance())
  }

  /** Tokens that `piece` waits for. */
  #missing({ bytes }: Piece): number {
    return this.#bytesPerSecond === 0 ? 0 : Math.min(bytes, this.#bucketBytes) - this.#tokens
  }
}
