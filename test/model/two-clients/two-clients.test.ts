import { describe, it } from 'vitest'
import { shrink } from '../shrink.ts'
import { randomOperations, type Operation } from './operations.ts'
import { TwoClientsRun } from './run.ts'

/** TWO_SEEDS: how many sequences; TWO_OPS: how long each is; TWO_FIRST: the first seed. */
const seeds = Number(process.env['TWO_SEEDS'] ?? 40)
const length = Number(process.env['TWO_OPS'] ?? 60)
const first = Number(process.env['TWO_FIRST'] ?? 0)
const shrinkMs = 60_000

/** The error of a run of its own, undefined when everything was as it should be. */
async function failureOf(operations: readonly Operation[], seed: number): Promise<Error | undefined> {
  const run = await TwoClientsRun.open({ deletesForGood: seed % 3 === 0 })
  try {
    const complaints = await run.run(operations)
    return complaints.length === 0 ? undefined : new Error(complaints.join('\n'))
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    await run.stop()
  }
}

describe('two clients of one drive, each with a network that comes and goes', () => {
  it.each(Array.from({ length: seeds }, (_, i) => first + i))(
    `lose nothing and agree after ${length} operations of seed %i`,
    async (seed) => {
      const operations = randomOperations(seed, length)
      const fails = (some: readonly Operation[]) => failureOf(some, seed)
      const failure = await fails(operations)
      if (!failure) return
      const shrunk = await shrink(operations, fails, shrinkMs)
      const again = (await fails(shrunk)) ?? failure
      throw new Error(
        `seed ${seed}: ${again.message}\nShrunk to ${shrunk.length} operations:\n` +
          shrunk.map((operation) => `  ${JSON.stringify(operation)},`).join('\n'),
        { cause: again },
      )
    },
  )
})
