import { afterAll, beforeAll, describe, it } from 'vitest'
import { suites } from './cases/index.ts'
import { hosts } from './engines/index.ts'
import type { Engine, EngineHost } from './engine.ts'
import type { Case } from './suite.ts'

/** Runs a case on a fresh folder; the engine's own checks on leaving count too, unless the case failed before. */
async function runCase(host: EngineHost, found: Case, skip: (reason: string) => never): Promise<void> {
  const engine: Engine = await host.fresh()
  try {
    for (const need of found.needs) {
      const ability = engine.can[need]
      if (ability !== true) skip(ability)
    }
    await found.run(engine)
  } catch (error) {
    const leaving = await engine.close().then(
      () => undefined,
      (second: unknown) => second,
    )
    if (leaving !== undefined) console.error(`${found.name}: leaving failed too:`, leaving)
    throw error
  }
  await engine.close()
}

for (const host of await hosts()) {
  const why = await host.unavailable()
  if (why !== undefined) {
    describe(host.name, () => it.skip(`cannot run here: ${why}`, () => {}))
    continue
  }
  describe(host.name, () => {
    beforeAll(() => host.start())
    afterAll(() => host.stop())
    for (const { topic, cases } of suites) {
      describe(topic, () => {
        for (const found of cases) {
          it(found.name, ({ skip }) => runCase(host, found, skip))
        }
      })
    }
  })
}
