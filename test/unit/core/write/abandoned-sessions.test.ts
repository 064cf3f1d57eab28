import { describe, expect, it } from 'vitest'
import {
  AbandonedSessions,
  type EndingLedger,
  type EndingSession,
} from '../../../../src/core/write/abandoned-sessions.ts'
import { RemoteError, type RemoteErrorKind } from '../../../../src/remote/errors.ts'
import type { EndableSession } from '../../../../src/remote/remote.ts'
import { ManualClock, settle } from '../../../fakes/manual-clock.ts'
import { recordingLog } from '../../../fakes/recording-log.ts'

const uri = 'cloudreve://my/a'
const opened = { id: 's1', uri }
const asked = { uri, sizeBytes: 17, askedAtMs: 0 }

class MemoryLedger implements EndingLedger {
  readonly found: Map<string, EndingSession>
  puts = 0
  disk: Error | undefined

  constructor(found: Map<string, EndingSession> = new Map()) {
    this.found = found
  }

  put(key: string, ending: EndingSession): Promise<void> {
    this.puts += 1
    if (this.disk) return Promise.reject(this.disk)
    this.found.set(key, ending)
    return Promise.resolve()
  }

  delete(key: string): Promise<void> {
    this.found.delete(key)
    return Promise.resolve()
  }
}

/** `answers`: one for each try; the last one for all that follow. */
function bench(ledger: MemoryLedger, ...answers: (boolean | RemoteErrorKind)[]) {
  const clock = new ManualClock(0)
  const log = recordingLog()
  const tries: EndableSession[] = []
  const cancelUpload = (session: EndableSession): Promise<boolean> => {
    const answer = answers[Math.min(tries.length, answers.length - 1)]!
    tries.push(session)
    return typeof answer === 'boolean'
      ? Promise.resolve(answer)
      : Promise.reject(new RemoteError(answer, 'no'))
  }
  const sessions = new AbandonedSessions({ remote: { cancelUpload }, ledger, clock, log, random: () => 1 })
  return { clock, log, tries, sessions }
}

describe('a session that nobody goes on with', () => {
  it('is on record until the server has answered definitely', async () => {
    const ledger = new MemoryLedger()
    const { clock, tries, sessions } = bench(ledger, 'server', 'offline', 'locked', 'protocol', true)
    await sessions.recorded({ ...opened, ticket: 'secret' } as EndableSession, 'a')
    expect([...ledger.found]).toEqual([['s1', { session: opened, label: 'a' }]])
    for (const ms of [1_000, 2_000, 4_000]) await clock.advance(ms)
    expect(ledger.found.size).toBe(1)
    await clock.advance(8_000)
    expect(ledger.found.size).toBe(0)
    await clock.advance(600_000)
    expect(tries).toEqual(Array.from({ length: 5 }, () => opened))
  })

  it('that was asked for and is not there is looked for again', async () => {
    const ledger = new MemoryLedger()
    const { clock, tries, sessions } = bench(ledger, false, false, true)
    await sessions.recorded(asked, 'a')
    await clock.advance(1_000)
    expect(ledger.found.size).toBe(1)
    await clock.advance(2_000)
    expect(ledger.found.size).toBe(0)
    expect(tries).toEqual([asked, asked, asked])
  })

  it.each<RemoteErrorKind>(['denied', 'not-found', 'invalid'])(
    'is forgotten, and told of, when that is %s',
    async (kind) => {
      const ledger = new MemoryLedger()
      const { clock, log, tries, sessions } = bench(ledger, kind)
      await sessions.recorded(opened, 'a')
      await settle()
      await clock.advance(600_000)
      expect(ledger.found.size).toBe(0)
      expect(tries).toHaveLength(1)
      expect(log.lines.map(({ level }) => level)).toEqual(['warn'])
    },
  )

  it('costs one record and one request, however often it is named', async () => {
    const ledger = new MemoryLedger()
    const { tries, sessions } = bench(ledger, 'server')
    sessions.add(opened, 'a')
    await Promise.all([sessions.recorded(opened, 'a'), sessions.recorded(opened, 'a')])
    sessions.add(opened, 'a')
    expect(ledger.puts).toBe(1)
    expect(tries).toHaveLength(1)
  })

  it('costs no record when it is over before', async () => {
    const ledger = new MemoryLedger()
    const { sessions } = bench(ledger, true)
    sessions.add(opened, 'a')
    await settle()
    await sessions.recorded(opened, 'a')
    expect(ledger.puts).toBe(0)
  })

  it('is over when an upload was given the lock of its file', async () => {
    const ledger = new MemoryLedger()
    const { clock, tries, sessions } = bench(ledger, 'server')
    await sessions.recorded(asked, 'a')
    await sessions.recorded({ id: 's2', uri: 'cloudreve://my/b' }, 'b')
    sessions.free(uri)
    await settle()
    expect([...ledger.found.keys()]).toEqual(['s2'])
    await clock.advance(1_000)
    expect(tries.map((session) => session.uri)).toEqual([uri, 'cloudreve://my/b', 'cloudreve://my/b'])
  })

  it('is put on record again after the local disk had no room', async () => {
    const ledger = new MemoryLedger()
    const { sessions } = bench(ledger, 'server')
    ledger.disk = new Error('ENOSPC')
    await expect(sessions.recorded(opened, 'a')).rejects.toThrow('ENOSPC')
    ledger.disk = undefined
    await sessions.recorded(opened, 'a')
    expect(ledger.found.size).toBe(1)
  })

  it('stays on record when the program ends', async () => {
    const ledger = new MemoryLedger()
    const { clock, tries, sessions } = bench(ledger, 'server')
    await sessions.recorded(opened, 'a')
    sessions.close()
    await clock.advance(600_000)
    expect(tries).toHaveLength(1)
    expect(ledger.found.size).toBe(1)
  })
})

describe('what an earlier process has put on record', () => {
  it('is ended, but for what somebody goes on with', async () => {
    const kept = { session: { id: 's2', uri }, label: 'a' }
    const ledger = new MemoryLedger(
      new Map([
        ['s1', { session: opened, label: 'a' }],
        ['s2', kept],
      ]),
    )
    const { tries, sessions } = bench(ledger, true)
    expect(tries).toEqual([])
    sessions.takeUp((session) => 'id' in session && session.id === 's2')
    await settle()
    expect(tries).toEqual([opened])
    expect(ledger.found.size).toBe(0)
  })
})
