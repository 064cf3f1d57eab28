/** A process of its own that serves an in-memory filesystem through a driver; its parent speaks to it over IPC. */
import { systemClock } from '../../../src/base/clock.ts'
import type { Log } from '../../../src/base/log.ts'
import type { FuseDriver } from '../../../src/fuse/driver.ts'
import { Libfuse2Driver } from '../../../src/fuse/libfuse2/driver.ts'
import { NativeDriver } from '../../../src/fuse/native/driver.ts'
import { KeepingFileSystem } from '../../fakes/keeping-file-system.ts'

export type Request =
  { ask: 'counts' } | { ask: 'unmount' } | { ask: 'make'; folder: string; names: string[] }
export interface Counts {
  readonly lookups: number
  readonly openHandles: number
  readonly nodes: number
  readonly reads: number
  readonly writes: number
  readonly names: readonly string[]
}
export type Answer =
  | { say: 'ready' }
  | { say: 'failed'; reason: string }
  | { say: 'counts'; counts: Counts }
  | { say: 'unmounted' }
  | { say: 'made' }
  | { say: 'closed'; openHandles: number }

const [driverName = '', mountpoint = '', readOnly = ''] = process.argv.slice(2)
const fileSystem = new KeepingFileSystem()
const complain = (message: string, fields?: unknown) => console.error(message, JSON.stringify(fields))
const log: Log = { debug() {}, info() {}, warn: complain, error: complain }

function say(answer: Answer): void {
  process.send?.(answer)
}

function counts(): Counts {
  const { lookups, openHandles, nodeCount: nodes, namesSeen } = fileSystem
  const { readCount: reads, writeCount: writes } = fileSystem
  return { lookups, openHandles, nodes, reads, writes, names: [...namesSeen] }
}

function driverOf(): FuseDriver {
  const parts = { clock: systemClock, log }
  return driverName === 'native' ? new NativeDriver(parts) : new Libfuse2Driver(parts)
}

try {
  const driver = driverOf()
  const mounted = await driver.mount(fileSystem, {
    mountpoint,
    readOnly: readOnly === 'read-only',
    allowOther: false,
    sourceName: 'https://cloud.example.com/a,b c',
    entryTtlMs: 1_000,
    attrTtlMs: 1_000,
  })
  let unmounting = Promise.resolve()
  process.on('message', (request: Request) => {
    if (request.ask === 'counts') say({ say: 'counts', counts: counts() })
    else if (request.ask === 'make') {
      fileSystem.addFiles(request.folder, request.names)
      say({ say: 'made' })
    } else unmounting = mounted.unmount().then(() => say({ say: 'unmounted' }))
  })
  say({ say: 'ready' })
  await mounted.closed
  await unmounting
  say({ say: 'closed', openHandles: fileSystem.openHandles })
} catch (error) {
  say({ say: 'failed', reason: (error as Error).message })
} finally {
  // No exit: the process must end by itself once nothing of the mount is left.
  process.disconnect()
}
