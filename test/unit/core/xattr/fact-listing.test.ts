import { describe, expect, it } from 'vitest'
import { FactListing } from '../../../../src/core/xattr/index.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'

/** Lists `count` files, `everyMs` apart; answers for each whether the facts were shown. */
async function list(listing: FactListing, clock: ManualClock, pid: number, count: number, everyMs = 0) {
  const shown: boolean[] = []
  for (let file = 1; file <= count; file += 1) {
    shown.push(listing.shouldList(pid, false, file + pid * 1000))
    await clock.advance(everyMs)
  }
  return shown
}

describe('listing facts', () => {
  it('"always" and "never" mean that', () => {
    const clock = new ManualClock()
    expect(new FactListing('always', clock).shouldList(1, true)).toBe(true)
    expect(new FactListing('never', clock).shouldList(1, false)).toBe(false)
  })

  it('"auto" shows them to who looks at a file, not while it is open', () => {
    const listing = new FactListing('auto', new ManualClock())
    expect(listing.shouldList(1, false)).toBe(true)
    expect(listing.shouldList(1, true)).toBe(false)
  })

  it('"auto" hides them from the 21st file in 2 s on', async () => {
    const clock = new ManualClock()
    const shown = await list(new FactListing('auto', clock), clock, 7, 25)
    expect(shown.indexOf(false)).toBe(20)
    expect(shown.slice(20)).not.toContain(true)
  })

  it('"auto" shows them to who lists more slowly', async () => {
    const clock = new ManualClock()
    expect(await list(new FactListing('auto', clock), clock, 7, 60, 101)).not.toContain(false)
  })

  it('"auto" counts files, not calls, when it can tell them apart', () => {
    const listing = new FactListing('auto', new ManualClock())
    const shown = Array.from({ length: 100 }, () => listing.shouldList(7, false, 42))
    expect(shown).not.toContain(false)
    expect(Array.from({ length: 100 }, () => listing.shouldList(8, false)).lastIndexOf(true)).toBe(19)
  })

  it('"auto" judges processes by themselves', async () => {
    const clock = new ManualClock()
    const listing = new FactListing('auto', clock)
    await list(listing, clock, 7, 30)
    expect(listing.shouldList(8, false, 1)).toBe(true)
  })

  it('"auto" knows a process that copies after a pause for a large file, but not for ever', async () => {
    const clock = new ManualClock()
    const listing = new FactListing('auto', clock)
    await list(listing, clock, 7, 30)
    await clock.advance(20_000)
    expect(listing.shouldList(7, false, 99)).toBe(false)
    await clock.advance(30_001)
    expect(listing.shouldList(7, false, 99)).toBe(true)
  })
})
