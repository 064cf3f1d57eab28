/** Our driver in a thread, over the null filesystem, or over the core. Started by `own-process.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import { invariant } from '../../src/base/assert.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { Log } from '../../src/base/log.ts'
import type { FileSystem, KernelCache } from '../../src/core/ports.ts'
import type { Mounted } from '../../src/fuse/driver.ts'
import { NativeDriver } from '../../src/fuse/native/driver.ts'
import { answerThreadCalls } from '../../src/mount/host/thread-calls.ts'
import type { Json } from '../../src/mount/spec.ts'
import type { MountCall } from './contenders.ts'
import { openKnownDrive, type KnownDrive } from './known-drive.ts'
import { NullFileSystem } from './null-file-system.ts'

invariant(parentPort !== null, 'this module is the beginning of a thread')
const complain = (message: string, fields?: unknown) => console.error(message, JSON.stringify(fields))
const log: Log = { debug() {}, info() {}, warn: complain, error: complain }
const { core } = workerData as { readonly core: boolean }
const drives = new Map<string, KnownDrive>()

let mounted: { readonly mount: Mounted; readonly close: () => void } | undefined

async function shown(
  kernel: KernelCache,
  { entryTtlMs, attrTtlMs }: MountCall,
): Promise<{ fileSystem: FileSystem; close: () => void }> {
  const ttls = { entryTtlMs, attrTtlMs }
  if (!core) return { fileSystem: new NullFileSystem(ttls), close: () => undefined }
  const key = `${entryTtlMs} ${attrTtlMs}`
  const drive = drives.get(key) ?? (await openKnownDrive(ttls))
  drives.set(key, drive)
  const view = await drive.view(kernel)
  return { fileSystem: view.fileSystem, close: () => view.close() }
}

async function mount(call: MountCall): Promise<Json> {
  const driver = new NativeDriver({ clock: systemClock, log })
  const { fileSystem, close } = await shown(driver.kernelCache, call)
  const options = { ...call, readOnly: false, allowOther: false, sourceName: 'null' }
  mounted = { mount: await driver.mount(fileSystem, options), close }
  return null
}

async function unmount(): Promise<Json> {
  const { mount, close } = mounted!
  await mount.unmount()
  await mount.closed
  close()
  return null
}

answerThreadCalls(parentPort, {
  mount: ({ params }) => mount(params as unknown as MountCall),
  unmount,
  async close() {
    for (const drive of drives.values()) await drive.close()
    return null
  },
})
