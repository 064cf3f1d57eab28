import type { ManualClock } from './manual-clock.ts'

/**
 * Lets the event loop turn until `condition` holds: for work on real files, whose end no manual clock can tell.
 * @throws {Error} when it does not hold after `limitMs` of real time
 */
export async function eventually(condition: () => boolean, limitMs = 5000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never became true: ${condition.toString()}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** The same while a manual clock goes on: for work that waits for timers and for the disk in turn. @throws {Error} as `eventually` */
export async function eventuallyPassing(clock: ManualClock, condition: () => boolean): Promise<void> {
  for (let steps = 0; steps < 600 && !condition(); steps += 1) {
    await clock.advance(100)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await eventually(condition)
}
