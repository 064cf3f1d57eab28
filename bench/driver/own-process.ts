/** The thread of our driver in a process of its own, as the product runs it; messages pass through. Started by `contenders.ts`. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

const worker = new Worker(new URL(`./native-worker${extname(import.meta.url)}`, import.meta.url), {
  workerData: { core: process.argv.includes('core') },
})
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
process.on('message', (message) => worker.postMessage(message))
worker.on('message', (message: object) => process.send?.(message))
worker.on('error', (error: Error) => {
  console.error(error)
  process.exit(1)
})
// The benchmark is over, or was interrupted: nobody will say so any more.
process.on('disconnect', () => process.exit())
