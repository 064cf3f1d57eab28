import { describe, expect, it } from 'vitest'
import { WriteBehind } from '../../../../src/core/cache/write-behind.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'

function opened(limitBytes = 100) {
  const clock = new ManualClock()
  const queue = new WriteBehind(limitBytes, clock)
  const done: string[] = []
  const work = (name: string) => () => Promise.resolve(void done.push(name))
  return { clock, queue, done, work }
}

/** What has begun is done. */
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

describe('work for the local disk that can wait', () => {
  it('begins when no more of it came for a while, in its order', async () => {
    const { clock, queue, done, work } = opened()
    queue.addAtRest(1, work('a'))
    await clock.advance(200)
    queue.addAtRest(1, work('b'))
    await clock.advance(200)
    await turn()
    expect(done).toEqual([])
    await clock.advance(50)
    await queue.idle()
    expect(done).toEqual(['a', 'b'])
  })

  it('is done before what somebody waits for, with it', async () => {
    const { queue, done, work } = opened()
    queue.addAtRest(1, work('a'))
    await queue.run(work('b'))
    expect(done).toEqual(['a', 'b'])
  })

  it('waits no more once half of the memory for it is taken, and is refused when all is', async () => {
    const { queue, done, work } = opened()
    queue.addAtRest(49, work('a'))
    await turn()
    expect(done).toEqual([])
    expect(queue.addAtRest(1, work('b'))).toBe(true)
    expect(queue.addAtRest(60, work('c'))).toBe(false)
    await turn()
    expect(done).toEqual(['a', 'b'])
    expect(queue.addAtRest(60, work('c'))).toBe(true)
  })

  it('is done at the end', async () => {
    const { queue, done, work } = opened()
    queue.addAtRest(1, work('a'))
    await queue.close()
    expect(done).toEqual(['a'])
    expect(queue.addAtRest(1, work('b'))).toBe(false)
  })
})
