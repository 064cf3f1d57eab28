import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Abilities, Engine, EngineHost, Semantics } from '../engine.ts'
import { PosixFolder } from './posix-folder.ts'

const noServer = 'a local folder has no server behind it'

const semantics: Semantics = {
  hardLinks: true,
  specialFiles: true,
  chownToOthers: process.getuid?.() === 0,
  anyBytesInNames: true,
  securityXattrs: process.getuid?.() === 0,
  maxFileNameBytes: 255,
  maxFolderNameBytes: 255,
}

/** A folder of the machine's own disk: the kernel judges the cases, before the cases judge the product. */
class LocalFolder extends PosixFolder implements Engine {
  readonly name = 'local folder'
  readonly can: Abilities
  readonly semantics = semantics

  constructor(root: string, can: Abilities) {
    super(root)
    this.can = can
  }

  async settle(): Promise<void> {}

  async remount(): Promise<void> {}

  close(): Promise<void> {
    // One level of its own around the folder: a path that leads out of it meets nothing.
    return rm(dirname(this.root), { recursive: true, force: true })
  }
}

export class LocalFolderHost implements EngineHost {
  readonly name = 'local folder'
  #xattrs: true | string = true

  async unavailable(): Promise<string | undefined> {
    return undefined
  }

  async start(): Promise<void> {
    const probe = await this.fresh()
    await probe.setxattr('', 'user.probe', Buffer.from('1')).catch((error: unknown) => {
      this.#xattrs = `the disk of ${tmpdir()} has no user xattrs (${String(error)})`
    })
    await probe.close()
  }

  async fresh(): Promise<Engine> {
    const outer = await mkdtemp(join(tmpdir(), 'conformance-'))
    const root = join(outer, 'root')
    await mkdir(root)
    return new LocalFolder(root, {
      times: true,
      modes: true,
      symlinks: true,
      xattrs: this.#xattrs,
      renameNoReplace: true,
      renameExchange: true,
      facts: 'a local folder has no facts',
      server: noServer,
      requests: noServer,
      remount: true,
      rawNames: true,
    })
  }

  async stop(): Promise<void> {}
}
