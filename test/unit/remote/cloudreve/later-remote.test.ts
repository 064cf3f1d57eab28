import { beforeEach, describe, expect, it } from 'vitest'
import type { WatchNotice } from '../../../../src/remote/changes.ts'
import { LaterRemote } from '../../../../src/remote/cloudreve/later-remote.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { FileId } from '../../../../src/remote/types.ts'
import { ManualClock, settle } from '../../../fakes/manual-clock.ts'
import { MemoryRemote } from '../../../fakes/memory-remote.ts'

const top = { id: 'top' as FileId, createdAtMs: 1 }
const offline = new RemoteError('offline', 'no route to host')

let clock: ManualClock
let there: MemoryRemote
let isAway: boolean
let tries: number
let later: LaterRemote
let connections: number

beforeEach(() => {
  clock = new ManualClock()
  there = new MemoryRemote({ clock })
  there.putAsOther('a', 'text')
  there.facts = { ...there.facts, userName: 'told anew', top }
  isAway = true
  tries = 0
  connections = 0
  const connect = async () => {
    tries += 1
    await Promise.resolve()
    if (isAway) throw offline
    return there
  }
  const facts = { ...there.facts, userName: 'remembered', top }
  later = new LaterRemote({ facts, connect, clock, onConnected: () => (connections += 1) })
})

async function names(): Promise<string[]> {
  const found: string[] = []
  for await (const { entries } of later.list([])) found.push(...entries.map(({ name }) => name))
  return found
}

describe('a server that could not be reached', () => {
  it('fails as that does, and is what was known of it, until it can be', async () => {
    await expect(names()).rejects.toBe(offline)
    await expect(later.info(['a'])).rejects.toBe(offline)
    expect(later.facts.userName).toBe('remembered')
    expect(later.now()).toBe(clock.now())
    isAway = false
    expect(await names()).toEqual(['a'])
    expect((await later.info(['a'])).name).toBe('a')
    expect(later.facts.userName).toBe('told anew')
    expect([tries, connections]).toEqual([3, 1])
  })

  it('is connected to once for all that is wanted at a time', async () => {
    isAway = false
    await Promise.all([later.info(['a']), names(), later.capacity()])
    expect(tries).toBe(1)
  })

  it('is tried again by itself, less and less often, and tells of changes then', async () => {
    const end = new AbortController()
    const told: WatchNotice['kind'][] = []
    const watching = (async () => {
      for await (const { kind } of later.watch({ signal: end.signal })) told.push(kind)
    })()
    await clock.advance(600_000)
    expect(tries).toBeGreaterThan(10)
    expect(tries).toBeLessThan(60)
    expect(new Set(told)).toEqual(new Set(['down']))
    isAway = false
    await clock.advance(32_000)
    there.feed.tell({ kind: 'live' })
    await settle()
    expect(told.at(-1)).toBe('live')
    end.abort()
    await watching
  })

  it('is not used when it turns out to be another drive', async () => {
    isAway = false
    there.facts = { ...there.facts, top: { ...top, createdAtMs: 2 } }
    await expect(names()).rejects.toMatchObject({
      kind: 'denied',
      message: expect.stringContaining('set up anew'),
    })
    await expect(later.info(['a'])).rejects.toMatchObject({ kind: 'denied' })
    expect([there.count(), connections]).toEqual([0, 0])
  })

  it('is not connected to after it was closed', async () => {
    isAway = false
    await later.close()
    await expect(names()).rejects.toMatchObject({ kind: 'offline' })
    expect(tries).toBe(0)
  })
})
