import type { Clock } from '../base/clock.ts'

/** Microseconds since the epoch: what the server stores. */
export type TimeUs = number

/** The year-1 time that stands for "none". */
export const zeroTime = '0001-01-01T00:00:00Z'

/** A clock in microseconds that never answers the same time twice, so that objects made one after the other sort that way. */
export class ServerTime {
  readonly clock: Clock
  #last: TimeUs = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** For stamps on objects: strictly rising. */
  stampUs(): TimeUs {
    this.#last = Math.max(this.#last + 1, Math.floor(this.clock.now() * 1000))
    return this.#last
  }

  nowMs(): number {
    return this.clock.now()
  }

  nowSeconds(): number {
    return Math.floor(this.clock.now() / 1000)
  }
}

/** RFC 3339 in UTC with trailing zeros of the fraction trimmed, as the server writes times. */
export function formatUs(us: TimeUs): string {
  const seconds = Math.floor(us / 1_000_000)
  const base = new Date(seconds * 1000).toISOString().slice(0, 19)
  const fraction = String(us - seconds * 1_000_000)
    .padStart(6, '0')
    .replace(/0+$/, '')
  return fraction === '' ? `${base}Z` : `${base}.${fraction}Z`
}

export function formatMs(ms: number): string {
  return formatUs(Math.round(ms * 1000))
}

/** The inverse of `formatUs`; NaN when it is no such time. */
export function parseUs(text: string): TimeUs {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z$/.exec(text)
  if (!match) return Number.NaN
  return Date.parse(`${match[1]!}Z`) * 1000 + Number((match[2] ?? '').slice(0, 6).padEnd(6, '0'))
}
