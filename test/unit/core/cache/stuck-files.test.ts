import { expect, it } from 'vitest'
import { nodeFileLayer } from '../../../../src/base/file-layer.ts'
import { patternBytes } from '../../../fakes/content-remote.ts'
import { DiskCaching } from '../../../fakes/disk-caching.ts'

it('a content whose files could not be removed is taken again', async () => {
  let isStuck = true
  const remove = async (path: string) => {
    if (isStuck) throw Object.assign(new Error('busy'), { code: 'EBUSY' })
    return nodeFileLayer.remove(path)
  }
  const caching = await DiskCaching.open({ layer: { ...nodeFileLayer, remove } })
  const bytes = patternBytes(300_000)
  const content = caching.remote.add('a', bytes)
  const read = () => caching.read(content, 0, bytes.length)
  await read()
  await caching.cache.settled()
  await caching.cache.clear()
  isStuck = false
  expect(await caching.costOf(read)).toBeGreaterThan(0)
  await caching.restart()
  expect(await caching.costOf(read)).toBe(0)
  expect(Buffer.compare(await read(), bytes)).toBe(0)
  await caching.close()
})
