import { describe, expect, it } from 'vitest'
import { createLanes, type Lane } from '../../../src/api/lanes.ts'
import { ManualClock, settle } from '../../fakes/manual-clock.ts'

const widths = { control: 2, downloads: 2, ahead: 2, uploads: 2, largeBodies: 2 }

/** Requests that never end unless a test says so, and how many of them have begun. */
function stuckIn(lane: Lane, count: number) {
  const ends: (() => void)[] = []
  const all = Array.from({ length: count }, () =>
    lane.add(() => new Promise<void>((resolve) => ends.push(resolve))),
  )
  return {
    get begun() {
      return ends.length
    },
    async end() {
      for (let done = 0; done < count; done += 1) {
        ends[done]?.()
        await settle()
      }
      await Promise.all(all)
    },
  }
}

describe('a lane', () => {
  it('has its width while requests are answered in time', async () => {
    const clock = new ManualClock()
    const { control } = createLanes(clock, widths)
    const stuck = stuckIn(control, 10)
    await clock.advance(4_999)
    expect(stuck.begun).toBe(2)
    await stuck.end()
  })

  it('lets others pass those that hang, and is as narrow as before when they are gone', async () => {
    const clock = new ManualClock()
    const { control } = createLanes(clock, widths)
    const stuck = stuckIn(control, 2)
    const passing = control.add(async () => 'passed')
    await clock.advance(5_000)
    expect(await passing).toBe('passed')
    await stuck.end()
    const more = stuckIn(control, 3)
    await settle()
    expect(more.begun).toBe(2)
    await more.end()
    expect(clock.pending).toBe(0)
  })

  it('of control calls does not flood a server where everything hangs', async () => {
    const clock = new ManualClock()
    const { control } = createLanes(clock, widths)
    const stuck = stuckIn(control, 100)
    await clock.advance(600_000)
    expect(stuck.begun).toBe(34)
    await stuck.end()
  })

  it('of downloads has room for 200 that hang within a quarter of a minute', async () => {
    const clock = new ManualClock()
    const { downloads } = createLanes(clock)
    const stuck = stuckIn(downloads, 200)
    const passing = downloads.add(async () => 'passed')
    await clock.advance(15_000)
    expect(await Promise.race([passing, settle()])).toBe('passed')
    await stuck.end()
  })

  it('a download that flows does not hang, however long it takes', async () => {
    const clock = new ManualClock()
    const { downloads } = createLanes(clock, widths)
    const ends: (() => void)[] = []
    const flows = Array.from({ length: 3 }, () =>
      downloads.add((served) => {
        served()
        return new Promise<void>((resolve) => ends.push(resolve))
      }),
    )
    await clock.advance(60_000)
    expect(ends).toHaveLength(2)
    for (const end of ends) end()
    await settle()
    ends[2]?.()
    await Promise.all(flows)
  })
})
