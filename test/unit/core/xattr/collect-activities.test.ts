import { describe, expect, it } from 'vitest'
import { collectActivities } from '../../../../src/core/xattr/index.ts'
import type { ActivityPage } from '../../../../src/remote/types.ts'
import { activity, FactsRemote } from '../../../fakes/facts-remote.ts'

function withHistory(count: number): FactsRemote {
  const remote = new FactsRemote()
  remote.history = Array.from({ length: count }, (_, i) => activity({ id: `a${i}` }))
  return remote
}

const ids = (count: number) => Array.from({ length: count }, (_, i) => `a${i}`)

describe('a whole history', () => {
  it('is walked page by page, newest first', async () => {
    const remote = withHistory(250)
    const { activities, derived, truncated } = await collectActivities(remote, ['a'])
    expect(activities.map(({ id }) => id)).toEqual(ids(250))
    expect([derived, truncated, remote.calls.length]).toEqual([false, false, 3])
  })

  it('goes the other way when asked', async () => {
    const { activities } = await collectActivities(withHistory(30), ['a'], { direction: 'asc', pageSize: 10 })
    expect(activities.map(({ id }) => id)).toEqual(ids(30).toReversed())
  })

  it.each([
    [99, true, 1],
    [100, true, 2],
    [250, false, 3],
    [251, false, 3],
  ])('up to %d entries says %s that there are more, after %d pages', async (limit, more, pages) => {
    const remote = withHistory(250)
    const { activities, truncated } = await collectActivities(remote, ['a'], { limit, filter: 'my' })
    expect(activities).toHaveLength(Math.min(limit, 250))
    expect([truncated, remote.calls.length]).toEqual([more, pages])
    expect(remote.calls[0]).toBe('activities my first')
  })

  it('ends where cursors go in circles, and where a page is empty goes on', async () => {
    const pages: Record<string, ActivityPage> = {
      first: { activities: [], nextCursor: 'b', derived: true },
      b: { activities: [activity({ id: 'x' })], nextCursor: 'c', derived: true },
      c: { activities: [], nextCursor: 'b', derived: true },
    }
    const remote = {
      activities: async (_: unknown, { cursor = 'first' }: { cursor?: string | undefined }) => pages[cursor]!,
    }
    expect(await collectActivities(remote, ['a'])).toEqual({
      activities: [activity({ id: 'x' })],
      derived: true,
      truncated: false,
    })
  })

  it('is left when nobody waits any more', async () => {
    await expect(collectActivities(withHistory(5), ['a'], { signal: AbortSignal.abort() })).rejects.toThrow(
      /abort/,
    )
  })
})
