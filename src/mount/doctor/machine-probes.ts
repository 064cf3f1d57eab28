/** How an examination looks at this machine; tests pass their own. */
import { constants } from 'node:fs'
import { access, open, readFile, realpath, stat } from 'node:fs/promises'
import { release } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import type { DriverCapabilities, FuseDriver } from '../../fuse/driver.ts'
import { DriverError } from '../../fuse/errors.ts'
import { loadAddon, loadTrouble } from '../../fuse/libfuse2/addon.ts'
import { FUSE_DEVICE } from '../../fuse/check-mountpoint.ts'
import { Libfuse2Driver } from '../../fuse/libfuse2/driver.ts'

export interface Program {
  readonly path: string
  readonly isSetuidRoot: boolean
}

export type LoadedDriver =
  | { readonly name: FuseDriver['name']; readonly capabilities: DriverCapabilities }
  /** The driver's own sentence, and what to install where that is known. */
  | { readonly text: string; readonly remedy?: string }

export interface MachineProbes {
  /** `6.8.0-45-generic` */
  readonly kernelRelease: () => string
  readonly uid: () => number
  /** The error code (`ENOENT`, `EACCES`); undefined: it opens. */
  readonly openDevice: () => Promise<string | undefined>
  readonly findProgram: (name: string) => Promise<Program | undefined>
  /** Text of /etc/fuse.conf; empty when there is none. */
  readonly readFuseConf: () => Promise<string>
  readonly loadDriver: () => Promise<LoadedDriver>
}

export function machineProbes(
  clock: Clock,
  environment: Readonly<Record<string, string | undefined>>,
): MachineProbes {
  return {
    kernelRelease: release,
    uid: () => process.getuid?.() ?? 0,
    openDevice,
    findProgram: (name) => findProgram(name, environment['PATH'] ?? ''),
    readFuseConf,
    loadDriver: () => loadDriver(clock),
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

async function findProgram(name: string, path: string): Promise<Program | undefined> {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    const candidate = join(folder, name)
    if (!(await isExecutable(candidate))) continue
    const { mode, uid } = await stat(await realpath(candidate))
    return { path: candidate, isSetuidRoot: uid === 0 && (mode & 0o4000) !== 0 }
  }
  return undefined
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

async function readFuseConf(): Promise<string> {
  try {
    return await readFile('/etc/fuse.conf', 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ''
    throw error
  }
}

async function loadDriver(clock: Clock): Promise<LoadedDriver> {
  try {
    await loadAddon()
    return new Libfuse2Driver({ clock, log: silentLog })
  } catch (error) {
    if (error instanceof DriverError) return loadTrouble(error.cause as NodeJS.ErrnoException)
    throw error
  }
}

function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) throw error
  return code
}
