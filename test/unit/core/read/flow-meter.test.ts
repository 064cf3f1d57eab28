import { describe, expect, it } from 'vitest'
import { FlowMeter } from '../../../../src/core/read/flow-meter.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'

const MIB = 1024 * 1024

/** `bytes` in a hundred pieces, which take `ms` together. */
async function comes(meter: FlowMeter, clock: ManualClock, bytes: number, ms: number): Promise<void> {
  const flow = meter.start()
  for (let i = 0; i <= 100; i += 1) {
    flow.note((bytes * i) / 100)
    if (i < 100) await clock.advance(ms / 100)
  }
  flow.end()
}

describe('the flow of contents', () => {
  it('is not known before enough has come', async () => {
    const clock = new ManualClock()
    const meter = new FlowMeter(clock)
    await comes(meter, clock, MIB, 100)
    expect(meter.bytesPerSecond).toBeUndefined()
    await comes(meter, clock, MIB, 300)
    expect(meter.bytesPerSecond).toBeCloseTo(6 * MIB, -6)
  })

  it('is guessed at a glance until then', async () => {
    const clock = new ManualClock()
    const meter = new FlowMeter(clock)
    await comes(meter, clock, MIB / 8, 5)
    expect(meter.bytesPerSecondAtAGlance).toBeUndefined()
    await comes(meter, clock, MIB, 45)
    expect(meter.bytesPerSecond).toBeUndefined()
    expect(meter.bytesPerSecondAtAGlance).toBeCloseTo(22.5 * MIB, -6)
    await comes(meter, clock, 2 * MIB, 1000)
    expect(meter.bytesPerSecondAtAGlance).toBe(meter.bytesPerSecond)
  })

  it('is that of all that come at the same time, without the waiting between them', async () => {
    const clock = new ManualClock()
    const meter = new FlowMeter(clock)
    for (let round = 0; round < 4; round += 1) {
      const flows = [meter.start(), meter.start()]
      for (let i = 0; i <= 100; i += 1) {
        for (const flow of flows) flow.note((MIB * i) / 100)
        if (i < 100) await clock.advance(5)
      }
      for (const flow of flows) flow.end()
      await clock.advance(60_000)
    }
    expect(meter.bytesPerSecond).toBeCloseTo(4 * MIB, -6)
  })

  it('believes a faster look at once and a slower one by and by', async () => {
    const clock = new ManualClock()
    const meter = new FlowMeter(clock)
    await comes(meter, clock, 10 * MIB, 1000)
    await comes(meter, clock, 40 * MIB, 1000)
    expect(meter.bytesPerSecond).toBeGreaterThan(39 * MIB)
    await comes(meter, clock, MIB, 300)
    expect(meter.bytesPerSecond).toBeGreaterThan(20 * MIB)
    for (let i = 0; i < 20; i += 1) await comes(meter, clock, MIB, 1000)
    expect(meter.bytesPerSecond).toBeLessThan(1.2 * MIB)
  })

  it('tells nothing of what never began to come', async () => {
    const clock = new ManualClock()
    const meter = new FlowMeter(clock)
    const flow = meter.start()
    await clock.advance(10_000)
    flow.end()
    await comes(meter, clock, MIB, 1000)
    expect(meter.bytesPerSecond).toBeCloseTo(MIB, -5)
  })

  it('tells how soon bytes come, and believes that others waited for their turn', async () => {
    const clock = new ManualClock()
    const meter = new FlowMeter(clock)
    const begins = async (ms: number) => {
      const flow = meter.start()
      await clock.advance(ms)
      flow.note(1)
      flow.end()
    }
    expect(meter.latencyMs).toBe(0)
    await begins(100)
    expect(meter.latencyMs).toBe(100)
    await begins(20)
    expect(meter.latencyMs).toBe(20)
    await begins(120)
    expect(meter.latencyMs).toBe(25)
  })
})
