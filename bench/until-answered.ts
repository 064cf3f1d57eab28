import { setTimeout as delay } from 'node:timers/promises'
import type { Workplace } from '../test/e2e/harness.ts'

const giveUpMs = 300_000

/** Resolves when so many requests of `route` that came after `position` are answered: nothing is hurried by asking the mount. */
export async function untilAnswered(
  { server }: Workplace,
  { route, count, position }: { readonly route: string; readonly count: number; readonly position: number },
): Promise<void> {
  const deadline = performance.now() + giveUpMs
  for (;;) {
    const done = server.requests.since(position).filter((entry) => entry.route === route && entry.code === 0)
    if (done.length >= count) return
    if (performance.now() > deadline) throw new Error(`${done.length} of ${count} × ${route} in five minutes`)
    await delay(2)
  }
}
