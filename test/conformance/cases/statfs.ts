import { expect } from 'vitest'
import { it, suite } from '../suite.ts'

export const statfs = suite('statfs', [
  it('tells a size, and no more free than there is', async (fs) => {
    const volume = await fs.statfs()
    expect(volume.blockSizeBytes).toBeGreaterThanOrEqual(512)
    expect(volume.totalBlocks).toBeGreaterThan(0)
    expect(volume.freeBlocks).toBeGreaterThanOrEqual(0)
    expect(volume.freeBlocks).toBeLessThanOrEqual(volume.totalBlocks)
  }),

  it('what is written is not counted as free, and the total stays', async (fs) => {
    const before = await fs.statfs()
    await fs.writeFile('f', Buffer.alloc(8 * 1024 * 1024, 1))
    await fs.settle()
    const after = await fs.statfs()
    expect(after.totalBlocks * after.blockSizeBytes).toBe(before.totalBlocks * before.blockSizeBytes)
  }),
])
