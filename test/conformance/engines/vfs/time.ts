import type { Timespec } from '../../../../src/base/timespec.ts'
import type { TimeToSet } from '../../engine.ts'

const second = 1_000_000_000n

export function timespecNs({ seconds, nanoseconds }: Timespec): bigint {
  return BigInt(seconds) * second + BigInt(nanoseconds)
}

/** undefined leaves the time as it is. */
export function timeChange(time: TimeToSet): Timespec | 'now' | undefined {
  if (time === 'omit') return undefined
  if (time === 'now') return 'now'
  const nanoseconds = ((time % second) + second) % second
  return { seconds: Number((time - nanoseconds) / second), nanoseconds: Number(nanoseconds) }
}
