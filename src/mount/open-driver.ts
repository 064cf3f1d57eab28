import { isMainThread } from 'node:worker_threads'
import { systemClock, type Clock } from '../base/clock.ts'
import { silentLog, type Log } from '../base/log.ts'
import type { DriverTrouble, FuseDriver } from '../fuse/driver.ts'
import { DriverError } from '../fuse/errors.ts'
import { findProgram } from '../fuse/find-program.ts'
import * as libfuse2 from '../fuse/libfuse2/addon.ts'
import { Libfuse2Driver } from '../fuse/libfuse2/driver.ts'
import { lookForAddon } from '../fuse/native/addon.ts'
import { NativeDriver } from '../fuse/native/driver.ts'
import {
  chooseDriver,
  type DriverName,
  type DriverProbe,
  type DriverState,
  type DriverWish,
} from './choose-driver.ts'

export interface OpenedDriver {
  readonly driver: FuseDriver
  /** What whoever mounts should know of the choice. */
  readonly notes: readonly string[]
}

export interface DriverParts {
  readonly clock: Clock
  readonly log: Log
  /** What the native one can do besides. */
  readonly writebackCache?: boolean
  readonly negativeTtlMs?: number
  readonly spinUs?: number | undefined
}

/** The driver for one mount on this machine. @throws {NoDriverError} */
export async function openDriver(wish: DriverWish, parts: DriverParts): Promise<OpenedDriver> {
  const { name, note, remedy } = await chooseDriver(wish, probeDriver)
  return {
    driver: makeDriver(name, parts),
    notes: note === undefined ? [] : [`${note}. To change that: ${remedy}`],
  }
}

function makeDriver(name: DriverName, parts: DriverParts): FuseDriver {
  return name === 'native' ? new NativeDriver(parts) : new Libfuse2Driver(parts)
}

/** Looks at this machine; root mounts without a program. */
export const probeDriver: DriverProbe = async (name) => {
  const loaded = name === 'native' ? nativeState() : await libfuse2State()
  if (!('capabilities' in loaded) || process.geteuid?.() === 0) return loaded
  const helper = name === 'native' ? 'fusermount3' : 'fusermount'
  return (await findProgram(helper)) ? loaded : helperTrouble(name, helper)
}

function helperTrouble(name: DriverName, helper: string): DriverTrouble {
  return {
    text: `the ${name} driver finds no program ${helper}, without which only root can mount`,
    remedy: 'install the package fuse3 (Debian and Ubuntu: sudo apt-get install fuse3)',
  }
}

function nativeState(): DriverState {
  const found = lookForAddon()
  return 'addon' in found ? { origin: found.origin, capabilities: capabilitiesOf('native') } : found
}

/** Its addon works on the loop of the main thread, wherever it is called from. */
async function libfuse2State(): Promise<DriverState> {
  if (!isMainThread) {
    return {
      text: 'the process that serves the account mounts with the native driver, beside which libfuse2 cannot be used',
      remedy: 'unmount the other folders of the account first',
    }
  }
  try {
    await libfuse2.loadAddon()
    return { origin: 'built here', capabilities: capabilitiesOf('libfuse2') }
  } catch (error) {
    if (!(error instanceof DriverError)) throw error
    return libfuse2.loadTrouble(error.cause as NodeJS.ErrnoException)
  }
}

function capabilitiesOf(name: DriverName): FuseDriver['capabilities'] {
  return makeDriver(name, { clock: systemClock, log: silentLog }).capabilities
}
