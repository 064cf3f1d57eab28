import { describe, expect, it } from 'vitest'
import { ImmediateWrites } from '../../../src/base/immediate-writes.ts'

/** A disk of which each write takes as long as it is told, and may fail after that. */
function slowDisk() {
  const state = { nowMs: 0, tookMs: 0, error: undefined as Error | undefined }
  const clock = { now: () => state.nowMs, monotonic: () => state.nowMs, after: () => () => undefined }
  const writes = new ImmediateWrites(clock, (_fd, data) => {
    state.nowMs += state.tookMs
    if (state.error) throw state.error
    return data.length
  })
  return { state, writes }
}

describe('writes in the calling thread', () => {
  const small = new Uint8Array(300)

  it('are small ones', () => {
    const { writes } = slowDisk()
    expect(writes.write(1, small, null)).toBe(300)
    expect(writes.write(1, new Uint8Array(64 * 1024), 0)).toBe(64 * 1024)
    expect(writes.write(1, new Uint8Array(64 * 1024 + 1), 0)).toBeUndefined()
  })

  it('stop for a while where one made its caller wait, also when it failed', () => {
    const { state, writes } = slowDisk()
    state.tookMs = 20
    expect(writes.write(1, small, null)).toBe(300)
    state.tookMs = 21
    expect(writes.write(1, small, null)).toBe(300)
    expect(writes.write(1, small, null)).toBeUndefined()
    state.nowMs += 9_999
    expect(writes.write(1, small, null)).toBeUndefined()
    state.nowMs += 1
    state.error = new Error('ENOSPC')
    expect(() => writes.write(1, small, null)).toThrow('ENOSPC')
    expect(writes.write(1, small, null)).toBeUndefined()
  })
})
