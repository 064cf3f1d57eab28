import { createRequire } from 'node:module'
import { describe, it } from 'vitest'
import { loadAddon } from '../../src/fuse/native/addon.ts'
import { driverNames, type DriverName } from '../conformance/driver-differences.ts'
import { isRequired } from '../harness/required-drivers.ts'
import { mountUnavailable } from './harness.ts'

/** Chooses one driver for a run: `MOUNT_DRIVER=native npm run e2e`. */
const chosenDriver = process.env['MOUNT_DRIVER']

/**
 * The same cases over mounts of each driver. Where nothing can be mounted, or programs are missing, they are skipped with the
 * reason; in CI that is an error.
 */
export async function describeMounts(
  title: string,
  programs: readonly string[],
  cases: (driver: DriverName) => void,
): Promise<void> {
  describeDrivers(title, await mountUnavailable(...programs), cases)
}

/** The same, where it is known whether something can be mounted: `why` not. */
export function describeDrivers(
  title: string,
  why: string | undefined,
  cases: (driver: DriverName) => void,
): void {
  for (const driver of driversOfThisRun()) {
    const reason = why ?? driverUnavailable(driver)
    const name = `${title} (${driver})`
    if (reason === undefined) describe(name, () => cases(driver))
    else describe(name, () => it.skip(`cannot run here: ${reason}`, () => {}))
  }
}

function driversOfThisRun(): readonly DriverName[] {
  if (chosenDriver === undefined) return driverNames
  const chosen = driverNames.filter((name) => name === chosenDriver)
  if (chosen.length === 0) throw new Error(`MOUNT_DRIVER is one of ${driverNames.join(', ')}`)
  return chosen
}

/** Why this driver cannot be used here; where it is required that is an error. */
export function driverUnavailable(driver: DriverName): string | undefined {
  try {
    // Only looked for: one that is broken may take its process down.
    if (driver === 'libfuse2') createRequire(import.meta.url).resolve('@cocalc/fuse-native')
    else loadAddon()
    return undefined
  } catch (error) {
    const why = `the driver ${driver} cannot be loaded: ${(error as Error).message.split('\n', 1)[0]}`
    if (isRequired(driver)) throw new Error(why, { cause: error })
    return why
  }
}
