import { describe, expect, it } from 'vitest'
import { waitAtMost } from '../../../src/base/clock.ts'
import { Deferred } from '../../../src/fuse/native/deferred.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'

const late = () => new Error('late')

/** Work that a test ends. */
function openWork() {
  const clock = new ManualClock()
  const answer = new Deferred<string>()
  const steps: (() => void)[] = []
  const work = (progress: () => void) => {
    steps.push(progress)
    return answer.promise
  }
  const end = () => answer.resolve('done')
  return { clock, deadline: { clock, deadlineMs: 100, late }, work, end, step: () => steps[0]!() }
}

describe('waiting with a deadline', () => {
  it('ends with the work, and leaves no timer', async () => {
    const { clock, deadline, work, end } = openWork()
    const waited = waitAtMost(work, deadline)
    await clock.advance(99)
    end()
    expect(await waited).toBe('done')
    expect(clock.pending).toBe(0)
  })

  it('ends at the deadline, whatever becomes of the work', async () => {
    const { clock, deadline, work, end } = openWork()
    const waited = expect(waitAtMost(work, deadline)).rejects.toThrow('late')
    await clock.advance(100)
    await waited
    end()
    await clock.advance(0)
    expect(clock.pending).toBe(0)
  })

  it('goes on for as long as the work does', async () => {
    const { clock, deadline, work, end, step } = openWork()
    const waited = waitAtMost(work, deadline)
    for (let steps = 0; steps < 5; steps += 1) {
      await clock.advance(99)
      step()
    }
    end()
    expect(await waited).toBe('done')
  })
})
