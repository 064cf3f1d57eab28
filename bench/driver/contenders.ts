/**
 * What is compared: each can be mounted and unmounted any number of times, and keeps warm in between. Each is the leader of a
 * session of its own, which is what fuse_daemonize(3) makes of a filesystem, and we of a mount: Linux shares the processors out
 * to sessions first (sched(7), autogroup), so one that is in the session of the programs it serves has less of them.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
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
      return forked('fuse-native')
    case 'native':
      return forked('own-process')
    case 'core':
      return forked('own-process', ['core'])
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
      detached: true,
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

/** `@cocalc/fuse-native` works on the main thread of its process only; ours is a thread of one. */
function forked(module: string, words: readonly string[] = []): Contender {
  const served = fork(new URL(`./${module}${extname(import.meta.url)}`, import.meta.url), words, {
    detached: true,
  })
  const caller = new ThreadCaller({
    postMessage: (message: unknown) => served.send(message as object),
    on: served.on.bind(served) as never,
  })
  served.on('exit', (code) => caller.fail(new Error(`the process of ${module} ended with ${code}`)))
  return {
    mount: async (call) => void (await caller.call('mount', { ...call })),
    unmount: async () => void (await caller.call('unmount')),
    async close() {
      await caller.call('close')
      const ended = once(served, 'exit')
      served.kill('SIGKILL')
      await ended
    },
  }
}
