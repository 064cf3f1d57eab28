/** The real core as a mount has it, over a server that never needs to be asked: everything was listed before. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { createDrive, defaultSettings, type OpenView } from '../../src/core/index.ts'
import { noKernelCache, type KernelCache } from '../../src/core/ports.ts'
import { MemoryRemote } from '../../test/fakes/memory-remote.ts'
import type { Ttls } from './null-file-system.ts'
import { LISTED_FILES, nameAt, LIST_INO } from './tree.ts'

const NEVER_MS = 24 * 3600 * 1000

export interface KnownDrive {
  view(kernel: KernelCache): Promise<OpenView>
  close(): Promise<void>
}

/** The folder `list` of the null tree, with its files; a drive and its mount are of the same options. */
export async function openKnownDrive(ttls: Ttls): Promise<KnownDrive> {
  const stateFolder = await mkdtemp(join(tmpdir(), 'cm-bench-'))
  const remote = new MemoryRemote({ clock: systemClock })
  for (let i = 0; i < LISTED_FILES; i += 1) remote.putAsOther(`list/${nameAt(LIST_INO, i).name}`, '')
  const drive = await createDrive({
    remote,
    stateFolder,
    clock: systemClock,
    log: silentLog,
    hostName: 'bench',
    settings: { ...ttls, metadataTtlMs: NEVER_MS },
  })
  const { uid, gid } = defaultSettings
  const options = { uid, gid, readOnly: false, ...ttls }
  // Asked once: known to the drive from then on, whichever view it is seen through.
  const list = await drive.openView(['list'], options, noKernelCache)
  list.close()
  return {
    view: (kernel) => drive.openView([], options, kernel),
    async close() {
      await drive.close()
      await rm(stateFolder, { recursive: true, force: true })
    },
  }
}
