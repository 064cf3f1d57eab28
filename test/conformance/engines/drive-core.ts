import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../src/base/clock.ts'
import { silentLog } from '../../../src/base/log.ts'
import { createDrive, defaultSettings, DiskCache } from '../../../src/core/index.ts'
import { noKernelCache } from '../../../src/core/ports.ts'
import type { Remote } from '../../../src/remote/remote.ts'
import type { RemotePath } from '../../../src/remote/types.ts'
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
  /** A connection to the whole drive that `close` of it may end. */
  readonly connect: () => Promise<Remote>
  /** The folder of it that is the root of the suites. */
  readonly folder: RemotePath
  readonly view: ServerView
  readonly requests: Abilities['requests']
}

/** The product's core over any server, as a mount of a folder shows it, and what the suites ask of it beside files. */
export async function driveUnderTest(far: FarSide): Promise<CoreUnderTest> {
  const { view, requests } = far
  const stateFolder = await mkdtemp(join(tmpdir(), 'drive-core-'))
  const cacheFolder = await mkdtemp(join(tmpdir(), 'drive-core-cache-'))
  const open = async () => {
    const diskCache = await DiskCache.open({
      folder: cacheFolder,
      owner: ['test'],
      clock: systemClock,
      log: silentLog,
      // Little, so that room has to be made all the time.
      limitBytes: 1024 ** 2,
      reserveBytes: 0,
      waitingBytes: 1024 ** 2,
    })
    const drive = await createDrive({
      diskCache,
      remote: await far.connect(),
      stateFolder,
      clock: systemClock,
      log: silentLog,
      hostName: 'here',
      settings: { metadataTtlMs: 600_000 },
      isTopUnlisted: true,
    })
    const { uid, gid, entryTtlMs, attrTtlMs, readOnly } = defaultSettings
    return {
      drive,
      diskCache,
      shown: await drive.openView(far.folder, { uid, gid, entryTtlMs, attrTtlMs, readOnly }, noKernelCache),
    }
  }
  let { drive, diskCache, shown } = await open()
  const rootNodes = drive.nodeCounts.kept
  return {
    fileSystem: shown.fileSystem,
    can: { ...can, requests },
    semantics: driveSemantics,
    server: view,
    heldNodes: () => drive.nodeCounts.held,
    settle: async () => void (await drive.drain()),
    async reopen() {
      await drive.drain()
      shown.close()
      await drive.close()
      await diskCache.close()
      ;({ drive, diskCache, shown } = await open())
      return shown.fileSystem
    },
    async close() {
      await drive.drain()
      drive.checkInvariants()
      const keptForNobody = drive.nodeCounts.kept - rootNodes
      shown.close()
      const keptAtEnd = drive.nodeCounts.kept
      await drive.close()
      await diskCache.close()
      await rm(stateFolder, { recursive: true })
      await rm(cacheFolder, { recursive: true })
      if (keptForNobody > 0) throw new Error(`${keptForNobody} nodes are kept for nobody`)
      if (keptAtEnd > 0) throw new Error(`${keptAtEnd} nodes outlive their mount`)
    },
  }
}
