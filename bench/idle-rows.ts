/** What a mount costs that nobody uses. */
import { setTimeout as delay } from 'node:timers/promises'
import { run } from '../test/harness/programs.ts'
import { processorMs } from './processor-time.ts'
import type { Row } from './row.ts'

const seconds = Number(process.env.BENCH_IDLE_SECONDS ?? 600)
if (!(seconds > 0)) throw new Error('BENCH_IDLE_SECONDS takes a number of seconds above 0')

/** Of one processor. */
const mostShare = 0.001
/**
 * What follows the start and the last look at a folder is not counted, ms: among it the question what has changed, a minute after that
 * (`LIVE_POLL_MS` in `src/core/changes/change-follower.ts`).
 */
const settlingMs = 75_000
const allowed = new Set(['GET /file/events', 'POST /session/token/refresh'])

const idleRow: Row = {
  name: 'idle',
  doc: `processor time of the mount's process in ${seconds} s without use | ${mostShare * 100} % of that, and no request but the stream and new tokens`,
  rttMs: 0,
  target: 1,
  async prepare({ server }) {
    for (let i = 0; i < 100; i += 1) await server.admin.write(`/tree/d${i % 10}/f${i}`, `${i}`)
  },
  async onMount(place, { pid }) {
    await run('ls', ['-lR', place.mountpoint])
    await delay(settlingMs)
    const { position } = place.server.requests
    const before = processorMs(pid)
    await delay(seconds * 1000)
    const spent = processorMs(pid) - before
    const others = place.server.requests.since(position).filter(({ route }) => !allowed.has(route))
    if (others.length > 0) {
      const which = others.map(({ route, path }) => `${route} ${path}`).join(', ')
      throw new Error(`${others.length} requests while idle: ${which}`)
    }
    return spent
  },
  plain: () => seconds * 1000 * mostShare,
}

export const idleRows: readonly Row[] = [idleRow]
