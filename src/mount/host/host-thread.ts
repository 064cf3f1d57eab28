/** The thread that serves the mounts of an account: filesystem, HTTP and `/dev/fuse` on one event loop. Started by `hostInThread`. */
import { parentPort, workerData } from 'node:worker_threads'
import { invariant } from '../../base/assert.ts'
import { systemClock } from '../../base/clock.ts'
import { loadCompose } from '../composition.ts'
import { hostHere } from './host-here.ts'
import type { HostThreadData } from './host-in-thread.ts'
import { hostCalls } from './host-calls.ts'
import { spareTheHeap } from './heap-growth.ts'
import { answerThreadCalls } from './thread-calls.ts'
import { sendLog } from './thread-log.ts'

invariant(parentPort !== null, 'this module is the beginning of a thread')
const { composition, logLevel } = workerData as HostThreadData
const log = sendLog(parentPort, logLevel)
// A bug somewhere must not take the folder from under programs: what they wrote is safe only as long as it is served.
process.on('unhandledRejection', (reason) => {
  log.error('an error that nobody expected', {
    reason: reason instanceof Error ? (reason.stack ?? reason.message) : String(reason),
  })
})
spareTheHeap()
answerThreadCalls(
  parentPort,
  hostCalls(async (spec) =>
    hostHere(spec, { compose: await loadCompose(composition), clock: systemClock, log }),
  ),
)
