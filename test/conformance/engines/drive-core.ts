import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../src/base/clock.ts'
import { silentLog } from '../../../src/base/log.ts'
import { createDrive } from '../../../src/core/index.ts'
import type { Remote } from '../../../src/remote/remote.ts'
import type { Abilities, Semantics, ServerView } from '../engine.ts'
import type { CoreUnderTest } from './core.ts'

/** How the product's core differs from a local filesystem, whatever is below it. */
export const driveSemantics: Semantics = {
  hardLinks: false,
  specialFiles: false,
  chownToOthers: false,
  anyBytesInNames: false,
  securityXattrs: false,
  maxFileNameBytes: 238,
  maxFolderNameBytes: 255,
}

const can: Omit<Abilities, 'requests'> = {
  times: true,
  modes: true,
  symlinks: true,
  xattrs: true,
  renameNoReplace: true,
  renameExchange: 'the server exchanges nothing',
  facts: true,
  server: true,
  remount: true,
  rawNames: 'drivers refuse such names before the filesystem sees them',
}

export interface FarSide {
  /** A connection that `close` of the drive may end. */
  readonly connect: () => Promise<Remote>
  readonly view: ServerView
  readonly requests: Abilities['requests']
}

/** The product's core over any server, and what the suites ask of it beside files. */
export async function driveUnderTest(far: FarSide): Promise<CoreUnderTest> {
  const { view, requests } = far
  const stateFolder = await mkdtemp(join(tmpdir(), 'drive-core-'))
  const open = async () =>
    createDrive({
      remote: await far.connect(),
      stateFolder,
      clock: systemClock,
      log: silentLog,
      hostName: 'here',
      settings: { metadataTtlMs: 600_000 },
    })
  let drive = await open()
  return {
    fileSystem: drive.fileSystem,
    can: { ...can, requests },
    semantics: driveSemantics,
    server: view,
    heldNodes: () => drive.nodeCounts.held,
    settle: async () => void (await drive.drain()),
    async reopen() {
      await drive.drain()
      await drive.close()
      drive = await open()
      return drive.fileSystem
    },
    async close() {
      await drive.drain()
      drive.checkInvariants()
      const { kept } = drive.nodeCounts
      await drive.close()
      await rm(stateFolder, { recursive: true })
      if (kept > 0) throw new Error(`${kept} nodes are kept for nobody`)
    },
  }
}
