/** Programs go on before the server has answered: whatever order its answers come in, the end is what they did. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RemoteMethod } from '../../../fakes/memory-remote.ts'
import { TwoDrives } from '../../../fakes/two-drives.ts'
import type { TestDrive } from '../../../fakes/test-drive.ts'

let both: TwoDrives
let one: TestDrive

beforeEach(async () => {
  both = await TwoDrives.open({ a: 'old', 'd/f': 'below', x: 'copied' })
  ;({ one } = both)
  for (const drive of [one, both.two]) await drive.names('d')
  await one.text('x')
})

afterEach(() => both.stop())

function permutations<T>(of: readonly T[]): T[][] {
  if (of.length === 0) return [[]]
  return of.flatMap((first, i) =>
    permutations([...of.slice(0, i), ...of.slice(i + 1)]).map((rest) => [first, ...rest]),
  )
}

/** Each order of the methods, with every call late on its way there, or its answer on its way back. */
function orders(...methods: RemoteMethod[]): [string, 'before' | 'after', RemoteMethod[]][] {
  return permutations(methods).flatMap((order) =>
    (['before', 'after'] as const).map((at): [string, typeof at, RemoteMethod[]] => [
      order.join(', '),
      at,
      order,
    ]),
  )
}

/** Holds the methods while the program runs, and lets them go one after the other. */
async function inOrder(
  order: readonly RemoteMethod[],
  at: 'before' | 'after',
  program: () => Promise<void>,
): Promise<void> {
  const gates = order.map((method) => one.remote.hold(method, at))
  const work = program()
  work.catch(() => undefined)
  for (const gate of gates) {
    await one.clock.advance(3_000)
    gate.release()
  }
  await one.during(work)
}

describe('a file that is deleted and made again at once', () => {
  const files = { a: 'new', 'd/f': 'below', x: 'copied' }

  it.each(orders('info', 'remove', 'upload'))(
    'is the new one, the deletion still waiting (%s released in this order, held %s)',
    async (_, at, order) => {
      const { id } = one.remote.entryAt('a')
      await inOrder(order, at, async () => {
        await one.unlink('a')
        await one.save('a', 'new')
      })
      await both.settleAll()
      expect(await both.agreed()).toEqual(files)
      expect(one.remote.entryAt('a').id).toBe(id)
    },
  )

  it.each(orders('info', 'remove', 'upload'))(
    'is the new one, the deletion on its way (%s released in this order, held %s)',
    async (_, at, order) => {
      await inOrder(order, at, async () => {
        await one.unlink('a')
        await one.clock.advance(600)
        await one.save('a', 'new')
      })
      await both.settleAll()
      expect(await both.agreed()).toEqual(files)
    },
  )
})

describe('a folder that is renamed, made again and filled at once', () => {
  it.each(orders('rename', 'createFolder', 'upload'))(
    'has the new file, and what was in it has moved (%s released in this order, held %s)',
    async (_, at, order) => {
      const { id } = one.remote.entryAt('d')
      await inOrder(order, at, async () => {
        await one.rename('d', 'e')
        await one.mkdir('d')
        await one.save('d/x', await one.text('x'))
      })
      await both.settleAll()
      expect(await both.agreed()).toEqual({ a: 'old', 'd/x': 'copied', 'e/f': 'below', x: 'copied' })
      expect(one.remote.entryAt('e').id).toBe(id)
    },
  )
})
