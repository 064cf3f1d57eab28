import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../src/base/clock.ts'
import { silentLog } from '../../../src/base/log.ts'
import { toServerName } from '../../../src/core/names/index.ts'
import { createDrive, type Drive } from '../../../src/core/index.ts'
import { MemoryRemote } from '../../fakes/memory-remote.ts'
import { PosixError, type Engine, type EngineHost, type Semantics, type ServerView } from '../engine.ts'
import { CoreEngine, type CoreUnderTest } from './core.ts'
import type { VfsOptions } from './vfs/vfs.ts'

/** How the product's core differs from a local filesystem, whatever is below it. */
export const driveSemantics: Semantics = {
  hardLinks: false,
  specialFiles: false,
  chownToOthers: false,
  anyBytesInNames: false,
  securityXattrs: false,
  maxFileNameBytes: 244,
  maxFolderNameBytes: 255,
  unlinkedHasNoLink: true,
}

/** The product's core over a server in memory: no network, no mount. */
export class DriveCoreHost implements EngineHost {
  readonly name: string
  readonly #options: VfsOptions

  constructor(options: VfsOptions) {
    this.name = `core over a server in memory, names: ${options.names}, O_TRUNC: ${options.truncate}`
    this.#options = options
  }

  async unavailable(): Promise<string | undefined> {
    return undefined
  }

  async start(): Promise<void> {}

  async fresh(): Promise<Engine> {
    return new CoreEngine(this.name, await driveUnderTest(), this.#options)
  }

  async stop(): Promise<void> {}
}

export async function driveUnderTest(
  remote = new MemoryRemote({ clock: systemClock }),
): Promise<CoreUnderTest> {
  const stateFolder = await mkdtemp(join(tmpdir(), 'drive-core-'))
  const open = (): Promise<Drive> =>
    createDrive({
      remote,
      stateFolder,
      clock: systemClock,
      log: silentLog,
      hostName: 'here',
      settings: { metadataTtlMs: 600_000 },
    })
  let drive = await open()
  return {
    fileSystem: drive.fileSystem,
    can: {
      times: true,
      modes: true,
      symlinks: true,
      xattrs: true,
      renameFlags: 'the server exchanges nothing',
      facts: true,
      server: true,
      requests: 'requests are counted at a server that speaks HTTP',
      remount: true,
      rawNames: 'drivers refuse such names before the filesystem sees them',
    },
    semantics: driveSemantics,
    server: memoryServerView(remote),
    heldNodes: () => drive.nodeCounts.held,
    settle: () => drive.drain(),
    async reopen() {
      await drive.drain()
      await drive.close()
      drive = await open()
      return drive.fileSystem
    },
    async close() {
      await drive.drain()
      drive.checkInvariants()
      if (drive.nodeCounts.kept > 0) throw new Error(`${drive.nodeCounts.kept} nodes are kept for nobody`)
      await drive.close()
      await rm(stateFolder, { recursive: true })
    },
  }
}

function found<T>(path: string, value: T | undefined): T {
  if (value === undefined) throw new PosixError('ENOENT', path)
  return value
}

function at(path: string): string[] {
  return path.split('/').filter(Boolean).map(toServerName)
}

function memoryServerView(remote: MemoryRemote): ServerView {
  return {
    bytes: async (path) => Buffer.from(found(path, remote.bytesAt(at(path)))),
    names: async (path) => [...remote.tree.folder(at(path)).children.keys()].sort(),
    fileId: async (path) => remote.entryAt(at(path)).id,
    versionCount: async (path) => (await remote.details(at(path))).versions.length,
    mark: () => {
      throw new Error('requests are not counted here')
    },
  }
}
