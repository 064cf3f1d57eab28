/** The null filesystem on `@cocalc/fuse-native`, spoken to as its documentation shows; a process of its own, started by `contenders.ts`. */
import { constants } from 'node:fs'
import { answerThreadCalls } from '../../src/mount/host/thread-calls.ts'
import type { Json } from '../../src/mount/spec.ts'
import { lazyUnmount } from '../../src/fuse/lazy-unmount.ts'
import {
  loadAddon,
  type AddonFuse,
  type AddonOperations,
  type AddonStat,
} from '../../src/fuse/libfuse2/addon.ts'
import { addonOptions } from '../../src/fuse/libfuse2/addon-options.ts'
import type { MountCall } from './contenders.ts'
import { childOf, isFolder, LARGE_BYTES, LARGE_INO, MTIME_SECONDS, nameAt, namesIn, sizeOf } from './tree.ts'

const ENOENT = -2

function inoAt(path: string): number {
  let ino = 1
  for (const name of path.split('/')) if (name !== '') ino = childOf(ino, name)
  return ino
}

function statOf(ino: number): AddonStat {
  const isDirectory = isFolder(ino)
  return {
    mode: isDirectory ? constants.S_IFDIR | 0o755 : constants.S_IFREG | 0o644,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    size: sizeOf(ino),
    nlink: isDirectory ? 2 : 1,
    ino,
    blksize: 4096,
    blocks: Math.ceil(sizeOf(ino) / 512),
    atime: MTIME_SECONDS * 1000,
    mtime: MTIME_SECONDS * 1000,
    ctime: MTIME_SECONDS * 1000,
  }
}

const operations: Partial<AddonOperations> = {
  getattr(path, done) {
    const ino = inoAt(path)
    if (ino === 0) done(ENOENT)
    else done(0, statOf(ino))
  },
  readdir(path, done) {
    const ino = inoAt(path)
    const entries = Array.from({ length: namesIn(ino) }, (_, i) => nameAt(ino, i))
    done(
      0,
      entries.map(({ name }) => name),
      entries.map((entry) => statOf(entry.ino)),
    )
  },
  open(path, _flags, done) {
    done(0, inoAt(path))
  },
  read(_path, fh, buffer, length, offset, done) {
    const end = fh === LARGE_INO ? LARGE_BYTES : 0
    const count = Math.max(0, Math.min(length, end - offset))
    buffer.fill(0, 0, count)
    done(count)
  },
  write(_path, _fh, _data, length, _offset, done) {
    done(length)
  },
  fsync(_path, _dataOnly, _fh, done) {
    done(0)
  },
  release(_path, _fh, done) {
    done(0)
  },
}

let mounted: { readonly fuse: AddonFuse; readonly mountpoint: string } | undefined

async function mount(call: MountCall): Promise<Json> {
  const addon = await loadAddon()
  // Unmounting is done here: its own starts a shell.
  addon.unmount = (_mountpoint, done) => done(null)
  const options = { ...call, readOnly: false, allowOther: false, sourceName: 'null' }
  const fuse = new addon(
    call.mountpoint,
    operations as AddonOperations,
    addonOptions(options, process.getuid?.() === 0),
  )
  await new Promise<void>((resolve, reject) => {
    fuse.mount((error) => (error ? reject(error) : resolve()))
  })
  mounted = { fuse, mountpoint: call.mountpoint }
  return null
}

async function unmount(): Promise<Json> {
  const { fuse, mountpoint } = mounted!
  await lazyUnmount(mountpoint)
  await new Promise<void>((resolve, reject) => {
    fuse.unmount((error) => (error ? reject(error) : resolve()))
  })
  return null
}

answerThreadCalls(
  { postMessage: (message: unknown) => process.send?.(message), on: process.on.bind(process) as never },
  { mount: ({ params }) => mount(params as unknown as MountCall), unmount, close: async () => null },
)
// The benchmark is over, or was interrupted: nobody will say so any more.
process.on('disconnect', () => process.exit())
