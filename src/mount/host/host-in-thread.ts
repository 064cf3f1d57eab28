import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Log } from '../../base/log.ts'
import type { DrainResult } from '../composition.ts'
import type { LogLevel } from '../logger.ts'
import type { ControlMethod, Json, MountSpec } from '../spec.ts'
import type { AccountHost, HostedMount } from './account-host.ts'
import type { MountDescription } from './host-calls.ts'
import { ThreadCaller } from './thread-calls.ts'
import { receiveLog } from './thread-log.ts'

export interface HostThreadParts {
  /** URL of a module that exports `compose`. */
  readonly composition: string
  readonly log: Log
  readonly logLevel: LogLevel
}

/** What the thread is told when it starts. */
export type HostThreadData = Pick<HostThreadParts, 'composition' | 'logLevel'>

/**
 * Serves the account in a thread of its own: nothing that this one does keeps programs waiting, and a synchronous call of this
 * one on a mounted folder is answered. Its log is written here.
 *
 * @throws an error whose message is a sentence, when the account cannot sign in
 */
export async function hostInThread(spec: MountSpec, parts: HostThreadParts): Promise<AccountHost> {
  const { composition, log, logLevel } = parts
  const workerData: HostThreadData = { composition, logLevel }
  const file = new URL(`./host-thread${extname(import.meta.url)}`, import.meta.url)
  const worker = new Worker(file, { workerData, name: 'cloudreve-mount' })
  receiveLog(worker, log)
  const caller = new ThreadCaller(worker)
  const ending = new AbortController()
  const lost = lossOf(worker, caller, ending.signal)
  try {
    const identity = await caller.call('signIn', asJson({ spec }))
    const { accountId, account } = identity as { accountId: string; account: string }
    return {
      accountId,
      account,
      lost,
      mount: async (asked) => {
        const described = await caller.call('mount', asJson({ spec: asked }))
        return mountOf(caller, described as unknown as MountDescription)
      },
      close: async () => {
        try {
          await caller.call('close')
        } finally {
          ending.abort()
          await worker.terminate()
        }
      },
    }
  } catch (error) {
    await worker.terminate()
    throw error
  }
}

/** An error that nobody caught comes with its reason; the end of the thread follows it. An end that is wanted is no loss. */
function lossOf(worker: Worker, caller: ThreadCaller, ending: AbortSignal): Promise<Error> {
  return new Promise((resolve) => {
    const lose = (reason: Error) => {
      caller.fail(reason)
      if (!ending.aborted) resolve(reason)
    }
    worker.on('error', (error) => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
      lose(new Error(`the thread that served it has failed: ${reason}`))
    })
    worker.on('exit', (code) => lose(new Error(`the thread that served it has ended with code ${code}`)))
  })
}

function mountOf(caller: ThreadCaller, { id, methods, ...described }: MountDescription): HostedMount {
  const ask =
    (method: string): ControlMethod =>
    ({ params, signal, progress }) =>
      caller.call('ask', { id, method, params }, { signal, onProgress: progress })
  const call = async (method: string) => void (await caller.call(method, { id }))
  const closed = call('closed')
  // Told by whoever waits for it; when the thread is lost before that, by `lost`.
  closed.catch(() => undefined)
  return {
    ...described,
    methods: Object.fromEntries(methods.map((method) => [method, ask(method)])),
    closed,
    unmount: () => call('unmount'),
    drain: async (onProgress, signal) =>
      (await caller.call('drain', { id }, { signal, onProgress })) as unknown as DrainResult,
    close: () => call('closeMount'),
  }
}

function asJson(value: object): Json {
  return value as unknown as Json
}
