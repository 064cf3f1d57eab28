/** The drivers: each in a line, then the one that a mount would take. */
import {
  chooseDriver,
  isUsable,
  limitsOf,
  NoDriverError,
  type DriverName,
  type DriverProbe,
  type DriverState,
  type DriverWish,
} from '../choose-driver.ts'
import { fail, looked, ok, warn, type Finding } from './finding.ts'

const names: readonly DriverName[] = ['native', 'libfuse2']

export async function* examineDrivers(probe: DriverProbe, wish: DriverWish): AsyncGenerator<Finding> {
  const known = once(probe)
  for (const name of names) yield looked(`${name} driver`, async () => usable(name, await known(name)))
  yield looked('driver', () => chosen(wish, known))
}

/** Each driver is loaded when first asked for, and no second time. */
function once(probe: DriverProbe): DriverProbe {
  const states = new Map<DriverName, Promise<DriverState>>()
  return (name) => {
    const state = states.get(name) ?? probe(name)
    states.set(name, state)
    return state
  }
}

/** What cannot be used is no trouble in itself, whether a mount finds one is the last line; what makes it usable is said all the same. */
function usable(name: DriverName, state: DriverState): Finding {
  const check = `${name} driver`
  if (!isUsable(state)) return { ...ok(check, `not usable: ${state.text}`), remedy: state.remedy }
  return ok(check, `loads, ${state.origin}`)
}

async function chosen(wish: DriverWish, probe: DriverProbe): Promise<Finding> {
  const check = 'driver'
  try {
    const { name, why, note, remedy, capabilities } = await chooseDriver(wish, probe)
    if (note !== undefined && remedy !== undefined) return warn(check, note, remedy)
    const limits = limitsOf(capabilities)
    const costs = limits.length === 0 ? '' : `; with it, ${limits.join('; ')}`
    return ok(check, `${name} would be used: ${why}${costs}`)
  } catch (error) {
    if (error instanceof NoDriverError) return fail(check, error.text, { remedy: error.remedy })
    throw error
  }
}
