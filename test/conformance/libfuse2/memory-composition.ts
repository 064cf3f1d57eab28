/** A composition over memory, for mounts in processes of their own: an upload that never ends until a file says so. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { delay, systemClock } from '../../../src/base/clock.ts'
import { Libfuse2Driver } from '../../../src/fuse/libfuse2/driver.ts'
import { NativeDriver } from '../../../src/fuse/native/driver.ts'
import type { Compose, DrainResult } from '../../../src/mount/composition.ts'
import { MemoryFileSystem } from '../../fakes/memory-file-system.ts'

/** While this file is in the state folder, something is left to send. */
export const BUSY_FILE = 'busy'

export const compose: Compose = async (spec, parts) => ({
  accountId: spec.accountKey ?? 'environment',
  account: `${spec.accountKey} at cloud.example.com`,
  async mount(asked) {
    if (asked.options['broken'] === true)
      throw new Error('the password of anna@example.com is wrong: log in again')
    const fileSystem = new MemoryFileSystem()
    return {
      fileSystem,
      driver: asked.options['driver'] === 'native' ? new NativeDriver(parts) : new Libfuse2Driver(parts),
      driverOptions: {
        allowOther: false,
        sourceName: 'https://cloud.example.com',
        entryTtlMs: 1_000,
        attrTtlMs: 1_000,
      },
      methods: {
        blunder: async () => {
          void Promise.reject(new Error('nobody looks at this'))
          return null
        },
        collapse: async () => {
          setImmediate(() => {
            throw new Error('nobody catches this')
          })
          return null
        },
        swallow: async () => {
          const held: number[][] = []
          setImmediate(() => {
            for (;;) held.push(Array.from({ length: 100_000 }, () => Math.random()))
          })
          return null
        },
        counts: async () => ({ lookups: fileSystem.lookups, openHandles: fileSystem.openHandles }),
      },
      drain: (onProgress, signal) => drain(join(spec.stateFolder, BUSY_FILE), onProgress, signal),
      close: async () => parts.log.info('closed'),
    }
  },
})

async function drain(
  busyFile: string,
  onProgress: (event: { left: number }) => void,
  signal: AbortSignal,
): Promise<DrainResult> {
  const isBusy = () =>
    access(busyFile).then(
      () => true,
      () => false,
    )
  while (await isBusy()) {
    if (signal.aborted) return { left: 1, reason: 'the process was ended in a hurry' }
    onProgress({ left: 1 })
    await delay(systemClock, 50)
  }
  return { left: 0, reason: '' }
}
