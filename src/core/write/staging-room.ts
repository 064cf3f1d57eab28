import { EventEmitter, once } from 'node:events'
import type { DiskSpace } from '../../base/file-layer.ts'
import { waitAtMost, waitUnlessAborted, type Clock } from '../../base/clock.ts'
import { Errno } from '../../base/errno.ts'
import { FsError } from '../errors.ts'

export interface StagingRoomOptions {
  /** Staged files take at most so many bytes of the local disk; Infinity: as many as there are. */
  readonly limitBytes: number
  /** So many bytes of the local disk are left to others, of a small one a tenth. */
  readonly reserveBytes: number
  /** Of the local disk. */
  readonly space: () => Promise<DiskSpace>
  /** Makes room where that costs nothing but time. */
  readonly giveBack?: ((bytes: number) => Promise<unknown>) | undefined
  readonly clock: Clock
  /** Hurries what makes room when it is sent; false: there is nothing of the kind. */
  readonly drain: () => boolean
  /** Called whenever the server has taken something. */
  readonly onTaken: Set<() => void>
}

/** The reserve is at most this part of a disk: a small one could not be used at all. */
const smallDiskPart = 10
/** The disk is asked again after so long: others write to it too, ms. */
const freeTtlMs = 1_000
/** A program waits for room as long as the server goes on taking something, and no longer than this when it does not, ms. */
const patienceMs = 120_000

/**
 * Keeps staged files from filling the local disk: who would write more than there is room for waits for uploads. Not exact to
 * the byte: overlapping writes count twice, records and the bytes that an upload in progress keeps do not count.
 */
export class StagingRoom {
  readonly #options: StagingRoomOptions
  readonly #held = new Map<object, number>()
  #heldBytes = 0
  /** Of writes that are under way. */
  #enteringBytes = 0
  #free: { readonly bytes: number; readonly atMs: number } | undefined
  /** Written since the disk was asked. */
  #sinceBytes = 0
  readonly #waiting = new Set<() => void>()

  constructor(options: StagingRoomOptions) {
    this.#options = options
  }

  /**
   * Waits until there is room for `sizeBytes` more; they count until the returned function is called.
   * @throws {FsError} EINTR; ENOSPC when no upload makes room
   */
  async enter(sizeBytes: number, label: string, signal?: AbortSignal): Promise<() => void> {
    for (;;) {
      const shortage = await this.#shortage(sizeBytes)
      if (shortage === undefined) break
      if (!this.#options.drain()) throw noRoom(label, shortage)
      await this.#wait(label, shortage, signal)
    }
    this.#enteringBytes += sizeBytes
    this.#sinceBytes += sizeBytes
    return () => {
      this.#enteringBytes -= sizeBytes
    }
  }

  /** Whether there is room for so many bytes more; waits for nothing but the disk. */
  async has(sizeBytes: number): Promise<boolean> {
    return (await this.#shortage(sizeBytes)) === undefined
  }

  /** `staged` takes so many bytes now. */
  hold(staged: object, sizeBytes: number): void {
    this.#heldBytes += sizeBytes - (this.#held.get(staged) ?? 0)
    this.#held.set(staged, sizeBytes)
  }

  /** Its files are gone. What is known of the disk is less than is free from then on, which errs on the safe side. */
  release(staged: object): void {
    this.hold(staged, 0)
    this.#held.delete(staged)
    this.lookAgain()
  }

  /** Who waits for room finds out whether there still is something to wait for. */
  lookAgain(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /** In words what is missing; undefined: there is room. */
  async #shortage(sizeBytes: number): Promise<string | undefined> {
    const { limitBytes, reserveBytes } = this.#options
    if (reserveBytes > 0 && (await this.#isTight(sizeBytes)))
      return 'the local disk is nearly full (--staging-reserve is what is left to others)'
    if (this.#heldBytes + this.#enteringBytes + sizeBytes <= limitBytes) return undefined
    return 'what waits for its upload takes as much of the local disk as --staging-limit allows'
  }

  async #isTight(neededBytes: number): Promise<boolean> {
    const { giveBack } = this.#options
    const known = this.#freeBytes
    if (known !== undefined && known >= neededBytes) return false
    const free = await this.#ask()
    if (free >= neededBytes) return false
    await giveBack?.(neededBytes - free)
    return !giveBack || (await this.#ask()) < neededBytes
  }

  /** Beside what is left to others. */
  get #freeBytes(): number | undefined {
    if (!this.#free || this.#options.clock.monotonic() - this.#free.atMs > freeTtlMs) return undefined
    return this.#free.bytes - this.#sinceBytes
  }

  async #ask(): Promise<number> {
    const { space, clock, reserveBytes } = this.#options
    const { freeBytes, totalBytes } = await space()
    const bytes = freeBytes - Math.min(reserveBytes, totalBytes / smallDiskPart)
    this.#free = { bytes, atMs: clock.monotonic() }
    this.#sinceBytes = 0
    return bytes
  }

  async #wait(label: string, shortage: string, signal: AbortSignal | undefined): Promise<void> {
    const { clock, onTaken } = this.#options
    const changed = new EventEmitter()
    const wake = () => void changed.emit('changed')
    const work = async (alive: () => void) => {
      changed.on('taken', alive)
      await once(changed, 'changed')
    }
    const heard = () => void changed.emit('taken')
    const late = () => noRoom(label, `${shortage}, the server takes nothing`)
    this.#waiting.add(wake)
    onTaken.add(heard)
    try {
      await waitUnlessAborted(waitAtMost(work, { clock, deadlineMs: patienceMs, late }), signal)
    } catch (error) {
      if (!signal?.aborted) throw error
      throw new FsError(Errno.EINTR, `${label}: the program stopped waiting for room on the local disk`)
    } finally {
      this.#waiting.delete(wake)
      onTaken.delete(heard)
      wake() // ends the deadline of one that gave up
    }
  }
}

function noRoom(label: string, shortage: string): FsError {
  return new FsError(Errno.ENOSPC, `${label}: ${shortage}, and no upload makes room`, {
    level: 'warn',
  })
}
