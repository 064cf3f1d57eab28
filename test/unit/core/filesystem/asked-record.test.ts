import { beforeEach, describe, expect, it } from 'vitest'
import { AskedRecord, askedKey, recordedRemote } from '../../../../src/core/filesystem/asked-record.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { ManualClock, settle } from '../../../fakes/manual-clock.ts'
import { MemoryRemote } from '../../../fakes/memory-remote.ts'
import { recordingLog } from '../../../fakes/recording-log.ts'

const settleMs = 10_000
const unheard = new RemoteError('unknown-outcome', 'no answer')

let clock: ManualClock
let written: string[]
let failure: Error | undefined
const log = recordingLog()

const journal = {
  put: (key: string) => write(`put ${key}`),
  delete: (key: string) => write(`delete ${key}`),
}

async function write(change: string): Promise<void> {
  if (failure) throw failure
  written.push(change)
}

function open(isFound = false, ms = settleMs): AskedRecord {
  return new AskedRecord({ journal, clock, log, settleMs: ms, isFound })
}

/** A call that is answered when that is wanted. */
function held() {
  const steps: { answer: () => void; fail: (error: Error) => void } = { answer: nothing, fail: nothing }
  const call = () =>
    new Promise<void>((resolve, reject) => {
      written.push('asked')
      steps.answer = resolve
      steps.fail = reject
    })
  return { call, steps }
}

function nothing(): void {}

beforeEach(() => {
  clock = new ManualClock()
  written = []
  failure = undefined
  log.lines.length = 0
})

describe('that something is asked', () => {
  it('is on record before it leaves, once for all that is on its way', async () => {
    const asked = open()
    const [first, second] = [held(), held()]
    const calls = [asked.run(first.call), asked.run(second.call)]
    await settle()
    expect(written).toEqual([`put ${askedKey}`, 'asked', 'asked'])
    first.steps.answer()
    second.steps.answer()
    await Promise.all(calls)
  })

  it('is not on record any more some time after the last has ended', async () => {
    const asked = open()
    await asked.run(() => Promise.resolve())
    await clock.advance(settleMs - 1)
    await asked.run(() => Promise.resolve())
    await clock.advance(settleMs - 1)
    expect(written).toEqual([`put ${askedKey}`])
    await clock.advance(1)
    expect(written).toEqual([`put ${askedKey}`, `delete ${askedKey}`])
    await asked.run(() => Promise.resolve())
    expect(written.at(-1)).toBe(`put ${askedKey}`)
  })

  it('stays on record while one is on its way, however long that is', async () => {
    const asked = open()
    const { call, steps } = held()
    const answer = asked.run(call)
    await settle()
    await asked.run(() => Promise.resolve())
    await clock.advance(10 * settleMs)
    expect(written).toEqual([`put ${askedKey}`, 'asked'])
    steps.answer()
    await answer
    await clock.advance(settleMs)
    expect(written.at(-1)).toBe(`delete ${askedKey}`)
  })

  it('is asked all the same where the disk takes no more', async () => {
    const asked = open()
    failure = new Error('ENOSPC')
    expect(await asked.run(() => Promise.resolve('done'))).toBe('done')
    expect(log.lines.map(({ message }) => message)).toEqual([
      'that something is asked of the server could not be put on record',
    ])
    failure = undefined
    await asked.run(() => Promise.resolve())
    expect(written).toEqual([`put ${askedKey}`])
  })
})

describe('an end in order', () => {
  it('leaves nothing on record where all was answered, also with a refusal', async () => {
    const asked = open()
    const refused = asked.run(() => Promise.reject(new RemoteError('exists', 'it is there')))
    await expect(refused).rejects.toThrow('it is there')
    await asked.close()
    expect(written).toEqual([`put ${askedKey}`, `delete ${askedKey}`])
  })

  it('leaves it on record where nobody knows what has become of something', async () => {
    const asked = open()
    await expect(asked.run(() => Promise.reject(unheard))).rejects.toThrow(unheard)
    await asked.run(() => Promise.resolve())
    await asked.close()
    expect(written).toEqual([`put ${askedKey}`])
  })

  it('leaves it on record where what an earlier process has asked for may still come', async () => {
    await open(true).close()
    expect(written).toEqual([])
  })
})

describe('what an earlier process has asked for', () => {
  it('is waited for, and stays on record until then', async () => {
    const asked = open(true)
    let isOver = false
    void asked.settled.then(() => {
      isOver = true
    })
    await clock.advance(settleMs - 1)
    expect([isOver, asked.isSettling]).toEqual([false, true])
    await clock.advance(1)
    expect([isOver, asked.isSettling]).toEqual([true, false])
    expect(written).toEqual([`delete ${askedKey}`])
  })

  it.each([
    ['nothing was left', false, settleMs],
    ['it is not to be waited for', true, 0],
  ])('is not waited for where %s', async (_why, isFound, ms) => {
    const asked = open(isFound, ms)
    expect(asked.isSettling).toBe(false)
    await asked.settled
  })
})

it('what changes something at the server is on record, and nothing else is', async () => {
  const remote = recordedRemote(new MemoryRemote(), open())
  expect(await remote.capacity()).toMatchObject({ usedBytes: 0 })
  for await (const page of remote.list([])) expect(page.entries).toEqual([])
  expect(remote.facts.userName).toBe('una')
  expect(written).toEqual([])
  await remote.createFolder(['new'])
  expect(written).toEqual([`put ${askedKey}`])
})
