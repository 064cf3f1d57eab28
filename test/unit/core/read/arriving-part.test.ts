import { describe, expect, it } from 'vitest'
import { ArrivingPart } from '../../../../src/core/read/arriving-part.ts'
import type { ByteRange } from '../../../../src/base/ranges.ts'
import type { RangeProgress } from '../../../../src/remote/remote.ts'
import { patternBytes } from '../../../fakes/content-remote.ts'
import { settle } from '../../../fakes/manual-clock.ts'

const all = patternBytes(1000)

interface Coming {
  progress?: RangeProgress
  finish?: (bytes: Uint8Array) => void
  fail?: (error: Error) => void
}

/** A part of the bytes 2000 to 3000 of a content, which come as the test says. */
function coming() {
  const ends: Coming = {}
  const part = new ArrivingPart({ start: 2000, end: 3000 }, (progress) => {
    return new Promise((finish, fail) => Object.assign(ends, { progress, finish, fail }))
  })
  part.whole.catch(() => undefined)
  return {
    part,
    come: (bytes: number) => ends.progress!(all, bytes),
    finish: () => ends.finish!(all),
    fail: (error: Error) => ends.fail!(error),
  }
}

async function bytesOf(part: ArrivingPart, range: ByteRange): Promise<Uint8Array | undefined> {
  await part.filled(range)
  return part.viewOf(range)
}

describe('a part that arrives', () => {
  it('hands out what has come before the rest has', async () => {
    const { part, come } = coming()
    const first = bytesOf(part, { start: 2100, end: 2300 })
    const last = bytesOf(part, { start: 2900, end: 3000 })
    let isLastHere = false
    void last.then(() => (isLastHere = true))
    come(299)
    await settle()
    expect(part.has({ start: 2100, end: 2300 })).toBe(false)
    come(300)
    expect(await first).toEqual(all.subarray(100, 300))
    expect(part.has({ start: 2100, end: 2300 })).toBe(true)
    expect(isLastHere).toBe(false)
    come(1000)
    expect(await last).toEqual(all.subarray(900))
  })

  it('needs no word of progress', async () => {
    const { part, finish } = coming()
    const bytes = bytesOf(part, { start: 2000, end: 3000 })
    finish()
    expect(await bytes).toEqual(all)
    expect(await part.whole).toEqual(all)
  })

  it('that fails keeps nobody waiting, and what has come stays', async () => {
    const { part, come, fail } = coming()
    come(500)
    const late = bytesOf(part, { start: 2400, end: 2501 })
    fail(new Error('the line is dead'))
    await expect(late).rejects.toThrow('the line is dead')
    await expect(part.whole).rejects.toThrow('the line is dead')
    expect(await bytesOf(part, { start: 2000, end: 2500 })).toEqual(all.subarray(0, 500))
  })

  it('shows nothing beyond it, nor when it was let go', () => {
    const { part, come } = coming()
    come(1000)
    expect(part.viewOf({ start: 2900, end: 3000 })).toEqual(all.subarray(900))
    expect(part.viewOf({ start: 2900, end: 3001 })).toBeUndefined()
    expect(part.viewOf({ start: 1999, end: 2001 })).toBeUndefined()
    part.letGo()
    expect(part.viewOf({ start: 2900, end: 3000 })).toBeUndefined()
  })
})
