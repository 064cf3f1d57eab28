import { describe, expect, it } from 'vitest'
import { TransferLimits } from '../../../src/mount/transfer-limits.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'

const asked = (uploadBytesPerSecond: number, downloadBytesPerSecond: number) => ({
  uploadBytesPerSecond,
  downloadBytesPerSecond,
})

describe('limits of a process', () => {
  it('are the smallest that a mount wants; one that wants none does not lift them', () => {
    const limits = new TransferLimits(new ManualClock())
    limits.ask('a', asked(1000, 0))
    limits.ask('b', asked(500, 0))
    limits.ask('c', asked(0, 700))
    expect(limits.current).toEqual(asked(500, 700))
    expect([limits.upload.bytesPerSecond, limits.download.bytesPerSecond]).toEqual([500, 700])
  })

  it('go with the mount that wanted them', () => {
    const limits = new TransferLimits(new ManualClock())
    limits.ask('a', asked(1000, 0))
    limits.ask('b', asked(500, 300))
    limits.forget('b')
    expect(limits.current).toEqual(asked(1000, 0))
    limits.ask('a', asked(0, 0))
    expect(limits.current).toEqual(asked(0, 0))
  })
})
