import { afterAll, beforeAll, describe, it } from 'vitest'
import { hosts } from '../conformance/engines/index.ts'
import { regressions } from './regressions.ts'
import { failureOf } from './shrink.ts'

for (const host of await hosts()) {
  const why = await host.unavailable()
  if (why !== undefined) {
    describe(host.name, () => it.skip(`cannot run here: ${why}`, () => {}))
    continue
  }
  describe(`${host.name} stays right`, () => {
    beforeAll(() => host.start())
    afterAll(() => host.stop())
    for (const { name, operations } of regressions) {
      it(name, async () => {
        const failure = await failureOf(host, operations)
        if (failure) throw failure
      })
    }
  })
}
