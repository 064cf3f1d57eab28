import { writeSync } from 'node:fs'
import type { Clock } from './clock.ts'

/** A write of more bytes goes through the thread pool, and so do all for a while after one that took longer than this, ms. */
const mostBytes = 64 * 1024
const slowMs = 20
const pauseMs = 10_000

type WriteSync = (fd: number, data: Uint8Array, position: number | null) => number

const systemWrite: WriteSync = (fd, data, position) => writeSync(fd, data, 0, data.length, position)

/**
 * Small writes in the calling thread. They end in the kernel's memory within microseconds, where the way through the thread pool
 * costs several times as much, most of it for waking a thread that then takes the processor. A disk that makes writers wait
 * (its dirty pages are too many, its journal is full) makes nobody else wait for more than one of them.
 */
export class ImmediateWrites {
  readonly #clock: Clock
  readonly #writeSync: WriteSync
  #notBeforeMs = -Infinity

  constructor(clock: Clock, write: WriteSync = systemWrite) {
    this.#clock = clock
    this.#writeSync = write
  }

  /**
   * How many bytes were written; undefined: none, the thread pool is the way. `position` null: at the end.
   * @throws the system's error
   */
  write(fd: number, data: Uint8Array, position: number | null): number | undefined {
    const startMs = this.#clock.monotonic()
    if (data.length > mostBytes || startMs < this.#notBeforeMs) return undefined
    try {
      return this.#writeSync(fd, data, position)
    } finally {
      const endMs = this.#clock.monotonic()
      if (endMs - startMs > slowMs) this.#notBeforeMs = endMs + pauseMs
    }
  }
}
