import { assertNever } from '../../src/base/assert.ts'
import type { EmbeddedServer } from '../../src/server/index.ts'
import type { Random } from './random.ts'

export const troubles = ['fine', 'cut', 'restarted', '5xx', 'loses answers'] as const
export type Trouble = (typeof troubles)[number]

/** Those that change something. */
const changingRoutes = [
  'PUT /file/content',
  'PUT /file/upload',
  'POST /file/upload',
  'POST /file/create',
  'POST /file/rename',
  'POST /file/move',
  'DELETE /file',
  'PATCH /file/metadata',
] as const

/** Begins what goes wrong at the server; the answer ends it. */
export async function beginTrouble(
  trouble: Trouble,
  server: EmbeddedServer,
  random: Random,
): Promise<() => Promise<void>> {
  const clear = async () => server.faults.clear()
  switch (trouble) {
    case 'fine':
      return clear
    case 'cut':
      await server.goOffline()
      return () => server.goOnline()
    case 'restarted':
      return restarting(server, random)
    case '5xx':
      server.faults.add({ route: '*', every: random.int(2, 5), kind: 'status', status: 503 })
      return clear
    case 'loses answers':
      for (const route of changingRoutes)
        server.faults.add({ route, every: random.int(1, 3), times: random.int(1, 5), kind: 'lostAnswer' })
      return clear
    default:
      return assertNever(trouble)
  }
}

/** Again and again, until it is to end. */
function restarting(server: EmbeddedServer, random: Random): () => Promise<void> {
  const over = new AbortController()
  const work = async () => {
    while (!over.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, random.int(20, 150)))
      await server.restart(random.pick(['kill', 'clean'] as const))
    }
  }
  const running = work()
  return () => {
    over.abort()
    return running
  }
}
