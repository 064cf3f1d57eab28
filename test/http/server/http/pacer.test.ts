import { describe, expect, it } from 'vitest'
import { Pacer } from '../../../../src/server/http/pacer.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'
import { withServer } from '../client.ts'

describe('the line of the embedded server', () => {
  it('takes as long as its width says, for all bodies together', async () => {
    const clock = new ManualClock()
    const line = new Pacer(clock, 1000)
    const done: string[] = []
    void line.pass(500).then(() => done.push('first'))
    void line.pass(1000).then(() => done.push('second'))
    await clock.advance(499)
    expect(done).toEqual([])
    await clock.advance(1)
    expect(done).toEqual(['first'])
    await clock.advance(999)
    expect(done).toEqual(['first'])
    await clock.advance(1)
    expect(done).toEqual(['first', 'second'])
  })

  it('delays a request by a scripted latency', async () => {
    const clock = new ManualClock()
    await withServer({ clock }, async (client, server) => {
      server.faults.add({ route: 'GET /file/info', kind: 'latency', ms: 20 })
      let isDone = false
      const answer = client.info('/missing').then((envelope) => {
        isDone = true
        return envelope
      })
      while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(19)
      expect(isDone).toBe(false)
      await clock.advance(1)
      expect((await answer).code).toBe(40016)
    })
  })
})
