import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../../src/base/log.ts'
import { Outage, type Pass } from '../../../../src/core/write/outage.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'

const broken = new RemoteError('server', 'HTTP 500')
const stuck = new RemoteError('server', 'Failed to start transaction', { isDatabaseFailure: true })
const offline = new RemoteError('offline', 'it cannot be reached')

/** A file that notes how often it was told to come again. */
class Caller {
  told = 0
  plan(): void {
    this.told += 1
  }
}

function bench() {
  const clock = new ManualClock()
  const outage = new Outage({ clock, log: silentLog, random: () => 1 })
  const pass = (sender = new Caller()): Pass => {
    const entered = outage.enter(sender)
    if (!entered) throw new Error('nobody may try now')
    return entered
  }
  /** Three files in a row. */
  const breakDown = (error = broken) => {
    for (let i = 0; i < 3; i += 1) pass().failed(error)
  }
  return { clock, outage, pass, breakDown }
}

describe('an outage', () => {
  it('begins with the third file in a row at which the server failed, not with the third failure of one', () => {
    const { outage, pass } = bench()
    const [file, other] = [new Caller(), new Caller()]
    for (let i = 0; i < 5; i += 1) expect(pass(file).failed(broken)).toBe(false)
    expect(pass(other).failed(broken)).toBe(false)
    expect(outage.detail).toBeUndefined()
    expect(pass().failed(broken)).toBe(true)
    expect(outage.detail).toContain('fails at every change')
  })

  it('does not begin while something is done in between', () => {
    const { outage, pass } = bench()
    for (let i = 0; i < 10; i += 1) {
      pass().failed(broken)
      pass().failed(broken)
      pass().done()
    }
    expect(outage.detail).toBeUndefined()
  })

  it('begins although the server refuses some files in between', () => {
    const { outage, pass } = bench()
    for (let i = 0; i < 2; i += 1) {
      pass().failed(broken)
      pass().refused()
    }
    pass().failed(broken)
    expect(outage.detail).toContain('fails at every change')
  })

  it('is one of the database when that failed each time', () => {
    const all = bench()
    all.breakDown(stuck)
    expect(all.outage.detail).toMatch(/database is stuck.*Failed to start transaction.*must be restarted/)
    const some = bench()
    some.pass().failed(broken)
    some.pass().failed(stuck)
    some.pass().failed(stuck)
    expect(some.outage.detail).toContain('may have to be restarted')
  })

  it('lets one try at a time, after growing pauses of at most a minute', async () => {
    const { clock, outage, breakDown, pass } = bench()
    breakDown(stuck)
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      await clock.advance(seconds * 1000 - 1)
      expect(outage.enter(new Caller())).toBeUndefined()
      await clock.advance(1)
      const probe = pass()
      expect(outage.enter(new Caller())).toBeUndefined()
      probe.failed(stuck)
    }
  })

  it('tells who waits when somebody may try, and all of them when it is over', async () => {
    const { clock, outage, breakDown, pass } = bench()
    breakDown()
    const [first, second] = [new Caller(), new Caller()]
    outage.enter(first)
    outage.enter(second)
    await clock.advance(1000)
    expect([first.told, second.told]).toEqual([1, 1])
    const probe = pass(first)
    expect(outage.enter(second)).toBeUndefined()
    probe.done()
    expect([first.told, second.told]).toEqual([1, 2])
    expect(outage.detail).toBeUndefined()
    expect(clock.pending).toBe(0)
  })

  it('is no longer and no shorter for those that were under way when it began', async () => {
    const { clock, outage, breakDown, pass } = bench()
    const late = [pass(), pass(), pass()]
    breakDown()
    for (const one of late) expect(one.failed(broken)).toBe(true)
    late[0]?.undecided()
    expect(outage.enter(new Caller())).toBeUndefined()
    await clock.advance(1000)
    expect(outage.enter(new Caller())).toBeDefined()
    late[1]?.undecided()
    expect(outage.enter(new Caller())).toBeUndefined()
  })

  it('ends when one that was under way is done', () => {
    const { outage, breakDown, pass } = bench()
    const late = pass()
    breakDown()
    late.done()
    expect(outage.detail).toBeUndefined()
  })

  it('lets another one try when who tried found nothing out', async () => {
    const { clock, outage, breakDown, pass } = bench()
    breakDown()
    const waiting = new Caller()
    await clock.advance(1000)
    const probe = pass()
    outage.enter(waiting)
    probe.undecided()
    expect(waiting.told).toBe(1)
    expect(outage.enter(waiting)).toBeDefined()
  })

  it('of which only uploads are the witness holds up no names, one of names does', () => {
    const { outage, breakDown } = bench()
    breakDown()
    expect([outage.isClosedToNames, outage.detailOfNames]).toEqual([false, undefined])
    outage.enterNow('/a')?.done()
    expect(outage.detail).toContain('fails at every change')
    outage.enterNow('/a')?.failed(broken)
    expect(outage.isClosedToNames).toBe(true)
    expect(outage.enterNow('/b')).toBeUndefined()
  })

  it('lets what the one that tries depends on go with it, and nothing else', async () => {
    const { clock, outage, breakDown, pass } = bench()
    breakDown(stuck)
    await clock.advance(1000)
    const probe = pass()
    expect(outage.enterNow('/a')).toBeUndefined()
    await probe.lend(async () => {
      outage.enterNow('/a')?.failed(stuck)
      expect(outage.enterNow('/b')).toBeUndefined()
      await clock.advance(1999)
      expect(outage.enterNow('/b')).toBeUndefined()
    })
    await clock.advance(1)
    const next = pass()
    await next.lend(() => Promise.resolve(outage.enterNow('/a')?.done()))
    expect(outage.detail).toBeUndefined()
    expect(outage.enterNow('/b')).toBeDefined()
  })

  it('of a server that is away ends with its first word, one of a failing server only with a change', async () => {
    const away = bench()
    away.pass().failed(offline)
    expect(away.outage.detail).toBe('it cannot be reached')
    await away.clock.advance(1000)
    away.pass().refused()
    expect(away.outage.detail).toBeUndefined()
    const failing = bench()
    failing.breakDown(stuck)
    await failing.clock.advance(1000)
    failing.pass().refused()
    expect(failing.outage.detail).toContain('must be restarted')
    expect(failing.outage.enter(new Caller())).toBeUndefined()
    await failing.clock.advance(2000)
    failing.pass().done()
    expect(failing.outage.detail).toBeUndefined()
  })

  it('of the database ends with an upload session that could be opened, one of the storage does not', () => {
    const database = bench()
    database.breakDown(stuck)
    database.outage.sessionOpened()
    expect(database.outage.detail).toBeUndefined()
    const storage = bench()
    storage.breakDown(broken)
    storage.outage.sessionOpened()
    expect(storage.outage.detail).toBeDefined()
  })

  it('can be tried at once when somebody says that things have changed, unless one tries already', () => {
    const { outage, breakDown, pass } = bench()
    breakDown()
    outage.tryNow()
    pass()
    outage.tryNow()
    expect(outage.enter(new Caller())).toBeUndefined()
  })

  it('is tried once more without a wait when that was said while one tried, who fails', () => {
    const { outage, breakDown, pass } = bench()
    breakDown()
    outage.tryNow()
    const before = pass()
    outage.tryNow()
    before.failed(broken)
    pass().failed(broken)
    expect(outage.enter(new Caller())).toBeUndefined()
  })
})
