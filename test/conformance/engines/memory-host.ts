import { systemClock } from '../../../src/base/clock.ts'
import { toServerName } from '../../../src/core/names/index.ts'
import { MemoryRemote } from '../../fakes/memory-remote.ts'
import { PosixError, type Engine, type EngineHost, type ServerView } from '../engine.ts'
import { CoreEngine } from './core.ts'
import { driveSemantics, driveUnderTest } from './drive-core.ts'
import type { VfsOptions } from './vfs/vfs.ts'

/** The product's core over a server in memory: no network, no mount. */
export class MemoryHost implements EngineHost {
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
    const { maxFileNameBytes } = driveSemantics
    const remote = new MemoryRemote({ clock: systemClock, maxFileNameBytes })
    const requests = 'requests are counted at a server that speaks HTTP'
    const core = await driveUnderTest({
      connect: async () => remote,
      folder: [],
      view: memoryView(remote),
      requests,
    })
    return new CoreEngine(this.name, core, this.#options)
  }

  async stop(): Promise<void> {}
}

function memoryView(remote: MemoryRemote): ServerView {
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

function found<T>(path: string, value: T | undefined): T {
  if (value === undefined) throw new PosixError('ENOENT', path)
  return value
}

function at(path: string): string[] {
  return path.split('/').filter(Boolean).map(toServerName)
}
