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
