import { describe, expect, it } from 'vitest'
import type { FileLayer } from '../../../../src/base/file-layer.ts'
import { nodeFileLayer } from '../../../../src/base/file-layer.ts'
import { patternBytes } from '../../../fakes/content-remote.ts'
import { DiskCaching, smallBlocks } from '../../../fakes/disk-caching.ts'
import { eventually } from '../../../fakes/eventually.ts'

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
  it('does not count what waits for the disk, and lets go of what the disk has', async () => {
    const caching = await DiskCaching.open()
    const bytes = patternBytes(3 * MIB + 5)
    const content = caching.remote.add('a', bytes)
    const reader = caching.readers.open(content)
    expect(Buffer.compare(await reader.read(0, bytes.length), bytes)).toBe(0)
    expect(caching.budget.usedBytes).toBe(0)
    expect(Buffer.compare(await reader.read(0, bytes.length), bytes)).toBe(0)
    await caching.cache.settled()
    expect(caching.budget.usedBytes).toBe(0)
    const { length } = caching.remote.requests
    expect(Buffer.compare(await reader.read(0, bytes.length), bytes)).toBe(0)
    expect(caching.remote.requests).toHaveLength(length)
    reader.close()
  })

  it('is not held for a part of what the disk takes', async () => {
    const caching = await DiskCaching.open({ cache: { waitingBytes: 6 * MIB } })
    const bytes = patternBytes(10 * MIB)
    const disk = caching.readers.onDisk(caching.remote.add('a', bytes))!
    await disk.load(0, disk.blocks)
    const blockBytes = bytes.length / disk.blocks
    const [first, second] = [bytes.subarray(0, 2 * MIB), bytes.subarray(2 * MIB, 10 * MIB)]
    expect(disk.put(0, first)).toBe(true)
    expect(disk.put(first.length / blockBytes, second)).toBe(false)
    await caching.cache.settled()
    expect(await disk.presentBytes()).toBe(first.length)
    expect(disk.put(first.length / blockBytes, second)).toBe(true)
    expect(await disk.presentBytes()).toBe(bytes.length)
    await caching.close()
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

  it('shows at once what came a moment ago, and nothing of it when its memory is used again', async () => {
    const caching = await DiskCaching.open({ read: smallBlocks })
    const bytes = patternBytes(MIB)
    const reader = caching.readers.open(caching.remote.add('a', bytes))
    const [offset, length] = [64 * 1024, 5000]
    const place = bytes.subarray(offset, offset + length)
    for (let at = 0; at <= offset; at += 8192) await reader.read(at, 8192, { takesViews: true })
    const view = reader.viewOf(offset, length)!
    expect(Buffer.compare(view, place)).toBe(0)
    const copy = await reader.read(offset, length)
    // What is on the disk stays in memory only until it has been read.
    for (let at = offset; at < bytes.length; at += 8192) await reader.read(at, 8192)
    await eventually(() => view.length === 0)
    expect(reader.viewOf(offset, length)).toBeUndefined()
    expect(Buffer.compare(copy, place)).toBe(0)
    expect(Buffer.compare(await reader.read(offset, length), place)).toBe(0)
    reader.close()
    await caching.close()
  })

  it('is known to who looks for a part of a content that is here', async () => {
    const caching = await DiskCaching.open()
    const bytes = patternBytes(300_000)
    const content = caching.remote.add('a', bytes)
    const reader = caching.readers.open(content)
    await reader.read(0, bytes.length)
    expect(Buffer.compare((await caching.readers.cached(content))!, bytes)).toBe(0)
    reader.close()
    await caching.close()
  })
})
