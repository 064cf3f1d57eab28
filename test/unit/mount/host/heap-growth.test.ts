import { describe, expect, it } from 'vitest'
import { growthPercent } from '../../../../src/mount/host/heap-growth.ts'

const MIB = 1024 ** 2

describe('the heap of a mount', () => {
  it('is looked through after 64 MiB more, and a large one when V8 likes', () => {
    expect(growthPercent(32 * MIB)).toBe(200)
    expect(growthPercent(64 * MIB)).toBe(100)
    expect(growthPercent(213 * MIB)).toBe(30)
    expect(growthPercent(300 * MIB)).toBe(0)
    expect(growthPercent(0)).toBe(300)
  })
})
