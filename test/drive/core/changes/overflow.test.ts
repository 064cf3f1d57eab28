/** More was changed at once than the server tells of: what is known is not answered any more before the server was asked. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { settle } from '../../../fakes/manual-clock.ts'
import type { MemoryRemote } from '../../../fakes/memory-remote.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

const minute = 60_000
/** Many more than are listed anew behind the scenes. */
const many = 300
let test: TestDrive

afterEach(() => test.stop())

async function open(prepare: (remote: MemoryRemote) => void): Promise<void> {
  test = await TestDrive.open({}, prepare)
  test.drive.followChanges()
  await settle()
  test.remote.feed.tell({ kind: 'live' })
  await settle()
  await test.clock.advance(30_001)
}

async function overflow(): Promise<void> {
  test.remote.feed.tell({ kind: 'missed' })
  await settle()
}

/** Calls from now on, `method subject`. */
function fromNow(): () => string[] {
  const start = test.remote.calls.length
  return () => test.remote.calls.slice(start).map(({ method, subject }) => `${method} ${subject}`.trim())
}

/** Looks into each folder, as find(1) does. */
async function find(): Promise<number> {
  const names = await test.names('t')
  for (const name of names) await test.names(`t/${name}`)
  return names.length
}

describe('a known folder that nobody has used lately', () => {
  beforeEach(() =>
    open((remote) => {
      remote.putAsOther('a', 'v1')
      remote.putAsOther('d/f', 'below')
      remote.putAsOther('e/g', 'beside')
    }),
  )

  it('is asked for by its first look, once, and the look waits for it [E10]', async () => {
    for (const folder of ['', 'd', 'e']) await test.names(folder)
    await test.clock.advance(minute + 1)
    test.remote.removeAsOther('d/f')
    test.remote.putAsOther('d/new', 'new')
    const calls = fromNow()
    await overflow()
    expect(calls()).toEqual(['changesSince'])
    expect(await test.names('d')).toEqual(['new'])
    expect(calls()).toEqual(['changesSince', 'list', 'list d'])
    expect(await test.names('d')).toEqual(['new'])
    await expect(test.stat('d/f')).rejects.toThrow('ENOENT')
    await test.clock.advance(minute)
    expect(calls()).toEqual(['changesSince', 'list', 'list d', 'changesSince'])
  })

  it('is asked for whatever the look was: an attribute, or a name that was not there [E10]', async () => {
    const ino = await test.ino('d/f')
    await expect(test.stat('e/new')).rejects.toThrow('ENOENT')
    await test.clock.advance(minute + 1)
    test.remote.putAsOther('d/f', 'longer than before')
    test.remote.putAsOther('e/new', 'new')
    await overflow()
    const { attr } = await test.fs.getattr(ino, undefined, test.context())
    expect(attr.sizeBytes).toBe(18)
    expect(await test.text('e/new')).toBe('new')
  })

  it('is as it was known while the server is away [E10]', async () => {
    await test.names('d')
    await test.clock.advance(minute + 1)
    await overflow()
    test.remote.offline = true
    expect(await test.during(test.names('d'))).toEqual(['f'])
  })

  it('is not answered by a listing that was asked for before [E10]', async () => {
    const d = await test.ino('d')
    const look = () => errnoOf(test.fs.lookup(d, 'f', test.context()))
    const gate = test.remote.hold('list', 'after')
    const calls = fromNow()
    const early = look()
    await gate.entered
    test.remote.removeAsOther('d/f')
    await test.clock.advance(1)
    await overflow()
    const late = look()
    await settle()
    gate.release()
    expect([await early, await late]).toEqual([undefined, 'ENOENT'])
    expect(calls()).toEqual(['list d', 'changesSince', 'list', 'list d'])
  })

  it('is asked for by kernels again, whatever they know of it and however long they may trust it [E2]', async () => {
    const [d, e, f] = [await test.ino('d'), await test.ino('e'), await test.ino('d/f')]
    await expect(test.lookup(e, 'none')).rejects.toThrow('ENOENT')
    await test.clock.advance(minute + 1)
    test.notices.length = 0
    await overflow()
    expect(test.notices.toSorted()).toEqual(
      [
        ...['inode 1', `inode ${d}`, `inode ${e}`],
        ...['entry 1 d?', 'entry 1 e?', `entry ${d} f`, `entry ${e} none`],
      ].toSorted(),
    )
    expect(test.notices).not.toContain(`inode ${f}`)
    test.notices.length = 0
    await overflow()
    expect(test.notices).not.toContain(`entry ${e} none`)
  })
})

describe('thousands of known folders', () => {
  beforeEach(() =>
    open((remote) => {
      for (let i = 0; i < many; i += 1) remote.putAsOther(`t/d${i}/f`, 'x')
    }),
  )

  it('cost a question and at most 16 listings, however often it happens, and then what is looked at [E10]', async () => {
    expect(await find()).toBe(many)
    const calls = fromNow()
    for (let i = 1; i <= 3; i += 1) {
      await test.clock.advance(1)
      await overflow()
      await test.clock.advance(15_000)
      const count = calls().filter((call) => call.startsWith('list')).length
      expect(count).toBeGreaterThan(0)
      expect(count).toBeLessThanOrEqual(i * 16)
    }
    // One more is asked each minute.
    expect(calls().filter((call) => call === 'changesSince')).toHaveLength(4)
    await test.clock.advance(4 * minute)
    await overflow()
    const later = fromNow()
    await test.names('t/d7')
    expect(later()).toEqual(['list', 'list t', 'list t/d7'])
  })

  it('are listed together by who walks over them [E10]', async () => {
    await find()
    await test.clock.advance(minute + 1)
    for (let i = 0; i < many; i += 1) test.remote.removeAsOther(`t/d${i}/f`)
    await overflow()
    const calls = fromNow()
    await find()
    expect(calls()).toEqual(['list', 'list t', 'list t/d0', 'listSubtree t'])
    expect(await test.names('t/d9')).toEqual([])
  })
})
