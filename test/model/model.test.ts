import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hosts } from '../conformance/engines/index.ts'
import { randomOperations, type Operation } from './operations.ts'
import { failureOf, shrink } from './shrink.ts'

/** MODEL_SEEDS: how many sequences; MODEL_OPS: how long each is; MODEL_FIRST: the first seed; MODEL_ENGINE: part of a name. */
const seeds = Number(process.env['MODEL_SEEDS'] ?? 20)
const length = Number(process.env['MODEL_OPS'] ?? 500)
const first = Number(process.env['MODEL_FIRST'] ?? 1)
const only = process.env['MODEL_ENGINE'] ?? ''
const shrinkMs = 60_000
/** A mount takes a kernel's way for each call: it gets a share of the seeds. */
const shareOfMounts = 0.2

for (const host of (await hosts()).filter(({ name }) => name.includes(only))) {
  const why = await host.unavailable()
  if (why !== undefined) {
    describe(host.name, () => it.skip(`cannot run here: ${why}`, () => {}))
    continue
  }
  describe(`${host.name} agrees with the reference`, () => {
    beforeAll(() => host.start())
    afterAll(() => host.stop())
    it.each(
      Array.from(
        { length: Math.ceil(host.name.startsWith('mount') ? seeds * shareOfMounts : seeds) },
        (_, i) => first + i,
      ),
    )(`${length} operations of seed %i`, async (seed) => {
      const operations = randomOperations(seed, length)
      expect(operations).toHaveLength(length)
      const failure = await failureOf(host, operations)
      if (!failure) return
      const failing = (candidate: readonly Operation[]) => failureOf(host, candidate)
      const shrunk = await shrink(operations, failing, shrinkMs)
      const again = (await failureOf(host, shrunk)) ?? failure
      throw new Error(
        `seed ${seed}: ${again.message}\nShrunk to ${shrunk.length} operations, for test/model/regressions.ts:\n` +
          shrunk.map((operation) => `  ${JSON.stringify(operation)},`).join('\n'),
        { cause: again },
      )
    })
  })
}
