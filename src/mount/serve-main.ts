/** The process behind a mount in the background: started by `startInBackground`, which hears over IPC how it goes. */
import { once } from 'node:events'
import { messageOf } from '../base/error-message.ts'
import { pinoLog } from './pino-log.ts'
import { runMount } from './run-mount.ts'
import { exitCodes, MountError } from './spec.ts'
import type { ChildMessage, StartMessage } from './start-in-background.ts'
import { StopRequests } from './stop-requests.ts'

process.umask(0o077)
const [{ spec, composition }] = (await once(process, 'message')) as [StartMessage]
process.title = `cloudreve-mount ${spec.mountpoint}`
const log = pinoLog(spec)
const stops = new StopRequests()
// A bug somewhere in the background must not take the folder from under programs: what they wrote is safe only as long as it is served.
process.on('unhandledRejection', (reason) => {
  log.error('an error that nobody expected', {
    reason: reason instanceof Error ? (reason.stack ?? reason.message) : String(reason),
  })
})
const onStarterGone = () => stops.request('the command that wanted this mount was ended')
process.once('disconnect', onStarterGone)

/** Resolves when it has left; nobody may be listening any more. */
function say(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.send) return resolve()
    process.send(message, () => resolve())
    return undefined
  })
}

try {
  process.exitCode = await runMount(spec, {
    log,
    stops,
    ...(composition === undefined ? {} : { composition }),
    onNote: (sentence) => void say({ say: 'note', sentence }),
    onReady(pid) {
      process.off('disconnect', onStarterGone)
      void say({ say: 'ready', pid })
    },
    isForeground: false,
    onDrain: (event) => log.debug('sending what was written', { event }),
  })
} catch (error) {
  const sentence = messageOf(error)
  log.error(
    sentence,
    error instanceof Error && error.cause instanceof Error ? { cause: error.cause.message } : {},
  )
  process.exitCode = exitCodes.mountFailed
  process.off('disconnect', onStarterGone)
  await say({ say: 'failed', sentence, kind: error instanceof MountError ? error.kind : 'other' })
}
// Not by itself: connections that are kept alive, or a program that still has a file open, would keep it.
process.exit()
