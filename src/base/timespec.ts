/** An instant: whole seconds since the epoch (may be negative) and 0 … 999,999,999 ns after them. */
export interface Timespec {
  readonly seconds: number
  readonly nanoseconds: number
}

export function timespecFromMs(ms: number): Timespec {
  const seconds = Math.floor(ms / 1000)
  return { seconds, nanoseconds: Math.round((ms - seconds * 1000) * 1e6) }
}

/** Milliseconds since the epoch, rounded down. */
export function timespecToMs({ seconds, nanoseconds }: Timespec): number {
  return seconds * 1000 + Math.floor(nanoseconds / 1e6)
}

/** The later of two instants. */
export function laterOf(a: Timespec, b: Timespec): Timespec {
  return a.seconds > b.seconds || (a.seconds === b.seconds && a.nanoseconds >= b.nanoseconds) ? a : b
}

export function timespecEquals(a: Timespec, b: Timespec): boolean {
  return a.seconds === b.seconds && a.nanoseconds === b.nanoseconds
}
