import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeMode } from '../../../../src/core/attributes/index.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'
import { find } from './find.ts'

const minute = 60_000
let test: TestDrive

afterEach(() => test.stop())

async function open(isLive: boolean, more: readonly string[] = []): Promise<void> {
  test = await TestDrive.open({ settings: { pollMs: 0 } }, (remote) => {
    for (const path of ['d/f', 'e/h', ...more]) remote.putAsOther(path, path)
  })
  test.drive.followChanges()
  await settle()
  if (!isLive) return
  await test.clock.advance(1)
  test.remote.feed.tell({ kind: 'live' })
  await settle()
  await test.clock.advance(30_001)
}

/** Edits metadata of `d/f`: the server tells nothing of that, and does not name it when it is asked what was changed. */
function edit(mode: number): void {
  const { key, value } = encodeMode(mode)
  test.remote.tree.get(['d', 'f']).metadata[key] = value!
}

/** What the top folder and `d` look like. */
async function look(): Promise<number> {
  await test.names('d')
  return (await test.stat('d/f')).mode & 0o777
}

const count = () => test.remote.count('list')

/** Whether `look` needs no answer of the server. */
async function isAtOnce(): Promise<boolean> {
  const gate = test.remote.hold('list')
  let isAnswered = false
  const looked = look().then(() => {
    isAnswered = true
  })
  await settle()
  await settle()
  const wasAnswered = isAnswered
  gate.release()
  await looked
  await settle()
  return wasAnswered
}

const lives = [
  ['while the server tells of changes', true, 5 * minute],
  ['while it does not', false, 30_000],
] as const

describe.each(lives)('a listing of which half the time is over, %s', (_, isLive, age) => {
  it('is answered at once, and asked for behind the answer, once [E27]', async () => {
    await open(isLive)
    await look()
    await test.clock.advance(age / 2)
    test.remote.script.forgetCalls()
    await look()
    await settle()
    expect(count()).toBe(0)
    await test.clock.advance(1)
    expect(await isAtOnce()).toBe(true)
    await look()
    await settle()
    expect(count()).toBe(2)
    await test.clock.advance(age / 2)
    await look()
    expect(count()).toBe(2)
  })

  it('is not asked for when nobody looks [E15]', async () => {
    await open(isLive)
    await look()
    await settle()
    test.remote.script.forgetCalls()
    await test.clock.advance(20 * age)
    expect(count()).toBe(0)
  })

  it('is asked for by the next look, which hears why, where that could not be done behind one', async () => {
    await open(isLive)
    await look()
    await test.clock.advance(age / 2 + 1)
    const { ino } = await test.lookup(await test.ino(''), 'd')
    await settle()
    test.remote.fail('list', new RemoteError('denied', 'not for you'), 2)
    await test.fs.lookup(ino, 'f', test.context())
    await settle()
    await expect(test.fs.lookup(ino, 'f', test.context())).rejects.toThrow('not for you')
    expect((await test.lookup(ino, 'f')).attr.kind).toBe('file')
  })

  it('is asked for together with all others by who walks over them', async () => {
    const many = Array.from({ length: 40 }, (_each, i) => `e/d${i}/f`)
    await open(isLive, many)
    await find(test, 'e')
    await test.clock.advance(age / 2 + 1)
    test.remote.script.forgetCalls()
    expect((await find(test, 'e')).length).toBe(81)
    await settle()
    expect(count()).toBeLessThanOrEqual(4)
    expect(test.remote.count('listSubtree')).toBe(1)
    test.remote.script.forgetCalls()
    await find(test, 'e')
    await settle()
    expect(test.remote.count()).toBeLessThanOrEqual(4)
    test.remote.script.forgetCalls()
    await find(test, 'e')
    expect(test.remote.count()).toBe(0)
  })

  it('shows nothing that was edited longer ago than all of the time, whenever somebody looks [E11]', async () => {
    const steps = fc.array(
      fc.tuple(fc.double({ min: 0, max: 1.3, noNaN: true }), fc.constantFrom('look', 'edit')),
      { minLength: 10, maxLength: 20 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        await open(isLive)
        await look()
        await settle()
        const edits = [{ mode: 0o644, at: -Infinity }]
        let lookedAt = test.clock.monotonic()
        for (const [part, what] of sequence) {
          await test.clock.advance(Math.round(part * age))
          const now = test.clock.monotonic()
          if (what === 'edit') {
            const mode = 0o600 + (edits.length % 64)
            edit(mode)
            edits.push({ mode, at: now })
            continue
          }
          const isInUse = now - lookedAt <= age / 2
          lookedAt = now
          if (isInUse) expect(await isAtOnce()).toBe(true)
          // As it was at some time not longer ago.
          const current = edits.findLast(({ at }) => at < now - age)!
          const possible = edits.filter(({ at }) => at >= current.at).map(({ mode }) => mode)
          expect(possible).toContain(await look())
          await settle()
        }
        await test.stop()
      }),
      { numRuns: 12 },
    )
    await open(isLive)
  })
})
