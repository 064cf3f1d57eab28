import type { DriverName, DriverProbe, DriverState } from '../../src/mount/choose-driver.ts'

/** States of drivers as machines have them. */
export const able = {
  origin: 'prebuilt',
  capabilities: { times: true, notifications: true, readdirPlus: true, interrupts: true, flush: true },
}
export const limited = {
  origin: 'built here',
  capabilities: { times: false, notifications: false, readdirPlus: false, interrupts: false, flush: false },
}
export const broken = (name: DriverName) => ({
  text: `the ${name} driver is broken`,
  remedy: `mend the ${name} driver`,
})

/** Answers with these states and remembers who was asked for. */
export function probing(states: Readonly<Record<DriverName, DriverState>>): {
  probe: DriverProbe
  asked: DriverName[]
} {
  const asked: DriverName[] = []
  return {
    asked,
    probe: (name) => {
      asked.push(name)
      return Promise.resolve(states[name])
    },
  }
}
