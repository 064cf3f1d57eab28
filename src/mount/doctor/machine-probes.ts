/** How an examination looks at this machine; tests pass their own. */
import { open, readFile } from 'node:fs/promises'
import { release } from 'node:os'
import { FUSE_DEVICE } from '../../fuse/check-mountpoint.ts'
import { findProgram, type Program } from '../../fuse/find-program.ts'
import type { DriverProbe } from '../choose-driver.ts'
import { probeDriver } from '../open-driver.ts'

export interface MachineProbes {
  /** `6.8.0-45-generic` */
  readonly kernelRelease: () => string
  readonly uid: () => number
  /** The error code (`ENOENT`, `EACCES`); undefined: it opens. */
  readonly openDevice: () => Promise<string | undefined>
  readonly findProgram: (name: string) => Promise<Program | undefined>
  /** Text of /etc/fuse.conf; empty when there is none. */
  readonly readFuseConf: () => Promise<string>
  readonly probeDriver: DriverProbe
}

export function machineProbes(environment: Readonly<Record<string, string | undefined>>): MachineProbes {
  return {
    kernelRelease: release,
    uid: () => process.getuid?.() ?? 0,
    openDevice,
    findProgram: (name) => findProgram(name, environment['PATH'] ?? ''),
    readFuseConf,
    probeDriver,
  }
}

/** Opening says more than the mode: a container may have the file and not the right to the device. */
async function openDevice(): Promise<string | undefined> {
  try {
    await (await open(FUSE_DEVICE, 'r+')).close()
    return undefined
  } catch (error) {
    return codeOf(error)
  }
}

async function readFuseConf(): Promise<string> {
  try {
    return await readFile('/etc/fuse.conf', 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ''
    throw error
  }
}

function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) throw error
  return code
}
