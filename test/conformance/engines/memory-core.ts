import { constants } from 'node:fs'
import { Errno } from '../../../src/base/errno.ts'
import { FsError } from '../../../src/core/errors.ts'
import type { Place } from '../../../src/core/ports.ts'
import type { Entry, Ino, OpContext, Opened, RenameFlags } from '../../../src/core/types.ts'
import { MemoryFileSystem } from '../../fakes/memory-file-system.ts'
import type { Engine, EngineHost } from '../engine.ts'
import { CoreEngine, type CoreUnderTest } from './core.ts'
import type { VfsOptions } from './vfs/vfs.ts'

/** The fake leaves out what drivers' tests do not ask for; a kernel counts on the filesystem for this much. */
class CheckedMemory extends MemoryFileSystem {
  override async rename(from: Place, to: Place, flags: RenameFlags, context: OpContext): Promise<void> {
    if (Buffer.byteLength(to.name) > 255) throw new FsError(Errno.ENAMETOOLONG, 'name too long')
    if (flags.exchange === true) throw new FsError(Errno.EINVAL, 'nothing is exchanged here')
    const target = await this.#target(to, context)
    try {
      if (target?.attr.kind === 'folder' && !(await this.#isEmpty(target, context))) {
        throw new FsError(Errno.ENOTEMPTY, `${to.name} is not empty`)
      }
      await super.rename(from, to, flags, context)
    } finally {
      if (target) this.forget(target.ino, 1)
    }
  }

  override async lookup(parent: Place['parent'], name: string, context: OpContext): Promise<Entry> {
    if (Buffer.byteLength(name) > 255) throw new FsError(Errno.ENAMETOOLONG, 'name too long')
    return super.lookup(parent, name, context)
  }

  override async open(ino: Ino, flags: number, context: OpContext): Promise<Opened> {
    const opened = await super.open(ino, flags, context)
    if ((flags & constants.O_TRUNC) !== 0) await this.setattr(ino, { sizeBytes: 0 }, opened.fh, context)
    return opened
  }

  async #target(to: Place, context: OpContext): Promise<Entry | undefined> {
    try {
      return await this.lookup(to.parent, to.name, context)
    } catch (error) {
      if (error instanceof FsError && error.errno === Errno.ENOENT) return undefined
      throw error
    }
  }

  async #isEmpty(folder: Entry, context: OpContext): Promise<boolean> {
    const { fh } = await this.opendir(folder.ino, context)
    const page = await this.readdir(fh, 0, context)
    await this.releasedir(fh)
    return page.length === 0
  }
}

const noServer = 'a filesystem in memory has no server behind it'

/** The small kernel proves itself on a filesystem that is strict about look-ups, before it judges the product's core. */
export class MemoryCoreHost implements EngineHost {
  readonly name: string
  readonly #options: VfsOptions

  constructor(options: VfsOptions) {
    this.name = `memory, names: ${options.names}, O_TRUNC: ${options.truncate}`
    this.#options = options
  }

  async unavailable(): Promise<string | undefined> {
    return undefined
  }

  async start(): Promise<void> {}

  async fresh(): Promise<Engine> {
    return new CoreEngine(this.name, memoryUnderTest(), this.#options)
  }

  async stop(): Promise<void> {}
}

function memoryUnderTest(): CoreUnderTest {
  const fileSystem = new CheckedMemory()
  return {
    fileSystem,
    can: {
      times: true,
      modes: true,
      symlinks: true,
      xattrs: true,
      renameFlags: 'the filesystem in memory exchanges nothing',
      facts: 'a filesystem in memory has no facts',
      server: noServer,
      requests: noServer,
      remount: 'a filesystem in memory ends with its mount',
      rawNames: 'drivers refuse such names before the filesystem sees them',
    },
    semantics: {
      hardLinks: false,
      specialFiles: false,
      chownToOthers: false,
      anyBytesInNames: false,
      securityXattrs: false,
      maxFileNameBytes: 255,
      maxFolderNameBytes: 255,
      unlinkedHasNoLink: true,
    },
    heldNodes: () => fileSystem.lookups + fileSystem.openHandles,
    async settle() {},
    async close() {},
  }
}
