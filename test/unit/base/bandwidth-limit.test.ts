import { describe, expect, it } from 'vitest'
import { BandwidthLimit } from '../../../src/base/bandwidth-limit.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'

function bench(bytesPerSecond: number) {
  const clock = new ManualClock()
  const limit = new BandwidthLimit(clock)
  limit.bytesPerSecond = bytesPerSecond
  return { clock, limit }
}

/** Passes one piece after the other, for ever. */
function stream(limit: BandwidthLimit, pieceBytes: number) {
  const state = { passed: 0 }
  const next = () => {
    limit.pass(pieceBytes, () => {
      state.passed += pieceBytes
      queueMicrotask(next)
    })
  }
  next()
  return state
}

describe('a bandwidth limit', () => {
  it.each([1_000, 20_000, 1_000_000, 50_000_000])('of %i bytes a second is kept, and used', async (rate) => {
    const { clock, limit } = bench(rate)
    const state = stream(limit, limit.pieceBytes)
    await clock.advance(10_000)
    expect(state.passed).toBeGreaterThanOrEqual(9.8 * rate - limit.pieceBytes)
    expect(state.passed).toBeLessThanOrEqual(10.1 * rate + limit.pieceBytes)
  })

  it('of 0 holds nothing up and sets no timer', () => {
    const { clock, limit } = bench(0)
    let passed = 0
    for (let i = 0; i < 1000; i += 1) limit.pass(1e9, () => (passed += 1))
    expect(passed).toBe(1000)
    expect(limit.pieceBytes).toBe(Infinity)
    expect(clock.pending).toBe(0)
  })

  it('gives streams equal parts, also one that begins later', async () => {
    const { clock, limit } = bench(100_000)
    const early = Array.from({ length: 3 }, () => stream(limit, limit.pieceBytes))
    await clock.advance(5_000)
    const before = early.map(({ passed }) => passed)
    const late = stream(limit, limit.pieceBytes)
    await clock.advance(8_000)
    for (const [i, { passed }] of early.entries()) {
      expect(passed - before[i]!).toBeGreaterThan(180_000)
      expect(passed - before[i]!).toBeLessThan(220_000)
    }
    expect(late.passed).toBeGreaterThan(180_000)
    expect(late.passed).toBeLessThan(220_000)
  })

  it('saves up a tenth of a second, however long nothing was sent', async () => {
    const { clock, limit } = bench(100_000)
    await clock.advance(3_600_000)
    const state = stream(limit, 1_000)
    await clock.advance(0)
    expect(state.passed).toBe(10_000)
  })

  it('lets a piece pass that is larger than all that can be saved up, and makes the next wait for it', async () => {
    const { clock, limit } = bench(10_000)
    const at: number[] = []
    const startedAt = clock.monotonic()
    for (let i = 0; i < 3; i += 1) limit.pass(64 * 1024, () => at.push(clock.monotonic() - startedAt))
    await clock.advance(60_000)
    expect(at).toHaveLength(3)
    expect(at[2]! - at[1]!).toBeGreaterThanOrEqual(6_553)
    expect(at[2]! - at[1]!).toBeLessThan(6_560)
  })

  it('that is changed holds from then on for what waits already', async () => {
    const { clock, limit } = bench(1_000)
    const waiting = stream(limit, 1_000)
    await clock.advance(10_000)
    expect(waiting.passed).toBeLessThanOrEqual(11_000)
    limit.bytesPerSecond = 100_000
    await clock.advance(10_000)
    expect(waiting.passed).toBeGreaterThan(950_000)
    const before = waiting.passed
    limit.bytesPerSecond = 1_000
    await clock.advance(10_000)
    expect(waiting.passed - before).toBeLessThanOrEqual(12_000)
  })

  it('that is lifted lets all go', async () => {
    const { clock, limit } = bench(10)
    let passed = 0
    for (let i = 0; i < 100; i += 1) limit.pass(1_000_000, () => (passed += 1))
    expect(passed).toBe(0)
    limit.bytesPerSecond = 0
    expect(passed).toBe(100)
    expect(clock.pending).toBe(0)
  })

  it('is not used up by who does not want to pass any more', async () => {
    const { clock, limit } = bench(1_000)
    const cancels = Array.from({ length: 10 }, () => limit.pass(1_000, () => expect.unreachable()))
    let passed = false
    limit.pass(1_000, () => (passed = true))
    for (const cancel of cancels) cancel()
    await clock.advance(1_100)
    expect(passed).toBe(true)
  })
})
