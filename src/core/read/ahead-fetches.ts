import type { Log } from '../../base/log.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { ContentAddress, RemoteContent } from '../../remote/remote.ts'
import type { EntityId } from '../../remote/types.ts'
import type { EntityBlocks } from './entity-blocks.ts'

export interface HeldBlocks {
  readonly blocks: EntityBlocks
  readonly release: () => void
}

/** A content that is probably going to be read. */
export interface ProbableRead {
  readonly content: ContentAddress
  /** So much of it, from its start on. */
  readonly lengthBytes: number
  /** Asked when its turn comes: it may have been changed or deleted by then. */
  readonly isCurrent: () => boolean
}

export interface AheadFetchesDeps {
  readonly remote: Pick<RemoteContent, 'prepareReads'>
  readonly log: Log
  readonly hold: (content: ContentAddress) => HeldBlocks
  /** What was asked for and not read so far may be so much, bytes. */
  readonly limitBytes: () => number
  /** On its way at a time may be so much, bytes; one content in any case. */
  readonly flowBytes: () => number
}

interface Waiting extends ProbableRead {
  readonly held: HeldBlocks
  readonly onTrouble: () => void
}

/** Ranges of small contents on their way at a time. */
const atOnce = 16

/**
 * Fetches small contents before anybody asks for them, into the caches in which whoever reads them looks first: many at a
 * time, their URLs in one call. Whoever reads one that still waits for its turn fetches it himself.
 */
export class AheadFetches {
  readonly #deps: AheadFetchesDeps
  /** Asked for and not read so far, with their bytes. */
  readonly #unread = new Map<EntityId, number>()
  #unreadBytes = 0
  #queue: Waiting[] = []
  #running = 0
  #runningBytes = 0
  #isClosed = false

  constructor(deps: AheadFetchesDeps) {
    this.#deps = deps
  }

  /** So much more may be asked for, bytes. */
  get roomBytes(): number {
    return this.#isClosed ? 0 : Math.max(0, this.#deps.limitBytes() - this.#unreadBytes)
  }

  /** `onTrouble`: the server is away or in trouble, and is not to be asked for what nobody needs. */
  fetch(reads: readonly ProbableRead[], onTrouble: () => void): void {
    if (this.#isClosed) return
    const waiting: Waiting[] = []
    for (const read of reads) {
      const { content, lengthBytes } = read
      if (this.#unread.has(content.entity)) continue
      this.#unread.set(content.entity, lengthBytes)
      this.#unreadBytes += lengthBytes
      waiting.push({ ...read, onTrouble, held: this.#deps.hold(content) })
    }
    void this.#begin(waiting, onTrouble)
  }

  /** It was read, or nobody is going to: if it still waits for its turn it is not fetched. */
  settle(entity: EntityId): void {
    this.#unreadBytes -= this.#unread.get(entity) ?? 0
    this.#unread.delete(entity)
  }

  /** Nothing is begun any more. */
  close(): void {
    this.#isClosed = true
    for (const waiting of this.#queue) this.#end(waiting)
    this.#queue = []
  }

  async #begin(waiting: readonly Waiting[], onTrouble: () => void): Promise<void> {
    const absent: Waiting[] = []
    for (const one of waiting) {
      const { held, lengthBytes } = one
      if (await held.blocks.isAbsent({ start: 0, end: lengthBytes })) absent.push(one)
      else this.#end(one)
    }
    try {
      if (absent.length > 0) await this.#deps.remote.prepareReads(absent.map(({ content }) => content))
    } catch (error) {
      this.#failed(error, onTrouble)
      for (const one of absent) this.#end(one)
      return
    }
    if (this.#isClosed) for (const one of absent) this.#end(one)
    else this.#queue.push(...absent)
    this.#pump()
  }

  #pump(): void {
    for (let next = this.#queue[0]; next && this.#isRoomFor(next); next = this.#queue[0]) {
      this.#queue.shift()
      void this.#run(next)
    }
  }

  #isRoomFor({ lengthBytes }: Waiting): boolean {
    if (this.#running === 0) return true
    return this.#running < atOnce && this.#runningBytes + lengthBytes <= this.#deps.flowBytes()
  }

  async #run(next: Waiting): Promise<void> {
    const { content, lengthBytes, held, isCurrent, onTrouble } = next
    this.#running += 1
    this.#runningBytes += lengthBytes
    try {
      const isWanted = this.#unread.has(content.entity) && isCurrent()
      const isHere = isWanted && (await held.blocks.fetchAhead(content, { start: 0, end: lengthBytes }))
      if (!isHere) this.settle(content.entity)
    } catch (error) {
      this.settle(content.entity)
      this.#failed(error, onTrouble)
    } finally {
      held.release()
      this.#running -= 1
      this.#runningBytes -= lengthBytes
      this.#pump()
    }
  }

  #end({ content, held }: Waiting): void {
    this.settle(content.entity)
    held.release()
  }

  /** Whoever reads it meets the trouble again, and is told. */
  #failed(error: unknown, onTrouble: () => void): void {
    this.#deps.log.debug('a content was not fetched ahead', { error })
    if (!isRemoteError(error) || error.isTransient) onTrouble()
  }
}
