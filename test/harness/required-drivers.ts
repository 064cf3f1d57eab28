import { driverNames, type DriverName } from '../conformance/driver-differences.ts'

/**
 * Whether a run must fail where this driver cannot be used, instead of leaving its cases out: in CI, and where REQUIRE_MOUNT is in
 * the environment. That may name drivers, `REQUIRE_MOUNT=native`; any other value means all of them.
 */
export function isRequired(driver: DriverName): boolean {
  if (process.env['CI']) return true
  const required = process.env['REQUIRE_MOUNT']
  if (!required) return false
  const named = driverNames.filter((name) => required.split(',').includes(name))
  return named.length === 0 || named.includes(driver)
}
