import { describe, expect, it } from 'vitest'
import type { FileLayer } from '../../../../src/base/file-layer.ts'
import { nodeFileLayer } from '../../../../src/base/file-layer.ts'
import { patternBytes } from '../../../fakes/content-remote.ts'
import { DiskCaching } from '../../../fakes/disk-caching.ts'

const MIB = 1024 * 1024

/** A disk that takes no new file, as long as `isFull`. */
function fullDisk(): FileLayer & { isFull: boolean } {
  const layer = {
    ...nodeFileLayer,
    isFull: true,
    open: async (...how: Parameters<FileLayer['open']>) => {
      if (layer.isFull && how[1] === 'create') throw Object.assign(new Error('full'), { code: 'ENOSPC' })
      return nodeFileLayer.open(...how)
    },
  }
  return layer
}

describe('the memory beside the disk', () => {
  it('lets go of what the disk has', async () => {
    const caching = await DiskCaching.open()
    const bytes = patternBytes(3 * MIB + 5)
    const content = caching.remote.add('a', bytes)
    const reader = caching.readers.open(content)
    expect(Buffer.compare(await reader.read(0, bytes.length), bytes)).toBe(0)
    expect(caching.budget.usedBytes).toBe(bytes.length)
    await caching.cache.settled()
    expect(caching.budget.usedBytes).toBe(0)
    const { length } = caching.remote.requests
    expect(Buffer.compare(await reader.read(0, bytes.length), bytes)).toBe(0)
    expect(caching.remote.requests).toHaveLength(length)
    reader.close()
  })

  it('has what the disk has not taken yet, for other handles too', async () => {
    const caching = await DiskCaching.open()
    const bytes = patternBytes(300_000)
    const content = caching.remote.add('a', bytes)
    expect(Buffer.compare(await caching.read(content, 0, bytes.length), bytes)).toBe(0)
    expect(Buffer.compare(await caching.read(content, 0, bytes.length), bytes)).toBe(0)
    expect(caching.remote.requests).toHaveLength(1)
    await caching.cache.settled()
  })

  it('keeps what the disk does not take', async () => {
    const caching = await DiskCaching.open({ layer: fullDisk() })
    const bytes = patternBytes(3 * MIB + 5)
    const content = caching.remote.add('a', bytes)
    await caching.read(content, 0, bytes.length)
    await caching.cache.settled()
    expect(caching.budget.usedBytes).toBe(bytes.length)
    const { length } = caching.remote.requests
    expect(Buffer.compare(await caching.read(content, 0, bytes.length), bytes)).toBe(0)
    expect(caching.remote.requests).toHaveLength(length)
  })
})
