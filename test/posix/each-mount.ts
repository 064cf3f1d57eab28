import { describe, it } from 'vitest'
import type { DriverName } from '../conformance/driver-differences.ts'
import { describeMounts } from '../e2e/each-driver.ts'
import { cargoUnavailable } from './install-crate.ts'

/** Cases over mounts of each driver, with suites that are compiled here and take the part of several users. */
export async function describePosix(title: string, cases: (driver: DriverName) => void): Promise<void> {
  const why = (await cargoUnavailable()) ?? rootUnavailable()
  if (why === undefined) await describeMounts(title, ['fusermount3'], cases)
  else describe(title, () => it.skip(`cannot run here: ${why}`, () => {}))
}

function rootUnavailable(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'only root can take the part of other users'
}
