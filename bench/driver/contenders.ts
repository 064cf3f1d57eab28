/** What is compared: each can be mounted and unmounted any number of times, and keeps warm in between. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ThreadCaller } from '../../src/mount/host/thread-calls.ts'
import type { Ttls } from './null-file-system.ts'

export const contenderNames = ['libfuse3', 'fuse-native', 'native', 'core'] as const
export type ContenderName = (typeof contenderNames)[number]

export interface MountCall extends Ttls {
  readonly mountpoint: string
}

export interface Contender {
  mount(call: MountCall): Promise<void>
  unmount(): Promise<void>
  close(): Promise<void>
}

export function startContender(name: ContenderName, nullFs: string): Contender {
  switch (name) {
    case 'libfuse3':
      return new Libfuse3(nullFs)
    case 'fuse-native':
      return fuseNative()
    case 'native':
      return ours({ core: false })
    case 'core':
      return ours({ core: true })
    default:
      return name satisfies never
  }
}

/** A process a mount. */
class Libfuse3 implements Contender {
  readonly #program: string
  #process: ChildProcess | undefined

  constructor(program: string) {
    this.#program = program
  }

  async mount({ mountpoint, entryTtlMs, attrTtlMs }: MountCall): Promise<void> {
    const served = spawn(this.#program, [mountpoint, String(entryTtlMs), String(attrTtlMs)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(served, 'exit').then(() => {
      throw new Error('the null filesystem of libfuse 3 could not be mounted')
    })
    await Promise.race([once(served.stdout, 'data'), ended])
    ended.catch(() => undefined)
    this.#process = served
  }

  async unmount(): Promise<void> {
    const ended = once(this.#process!, 'exit')
    this.#process!.kill('SIGTERM')
    await ended
  }

  async close(): Promise<void> {}
}

/** It works on the main thread of its process only. */
function fuseNative(): Contender {
  const served = fork(new URL(`./fuse-native${extname(import.meta.url)}`, import.meta.url))
  const caller = new ThreadCaller({
    postMessage: (message: unknown) => served.send(message as object),
    on: served.on.bind(served) as never,
  })
  served.on('exit', (code) => caller.fail(new Error(`the process of fuse-native ended with ${code}`)))
  return called(caller, async () => {
    const ended = once(served, 'exit')
    served.kill('SIGKILL')
    await ended
  })
}

function ours(workerData: { readonly core: boolean }): Contender {
  const worker = new Worker(new URL(`./native-worker${extname(import.meta.url)}`, import.meta.url), {
    workerData,
  })
  const caller = new ThreadCaller(worker)
  worker.on('error', (error: Error) => caller.fail(error))
  return called(caller, async () => {
    await caller.call('close')
    await worker.terminate()
  })
}

function called(caller: ThreadCaller, close: () => Promise<void>): Contender {
  return {
    mount: async (call) => void (await caller.call('mount', { ...call })),
    unmount: async () => void (await caller.call('unmount')),
    close,
  }
}
