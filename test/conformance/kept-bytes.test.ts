import * as fs from 'node:fs/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { describeDrivers } from '../e2e/each-driver.ts'
import { expectedOf } from './driver-differences.ts'
import { run, Served, whyNoFuse } from './libfuse2/served.ts'

/** What the kernel has read it need not ask for again; the filesystem lets it keep everything. */
describeDrivers('bytes of a mount that were read', await whyNoFuse(), (driver) => {
  let served: Served
  beforeEach(async () => {
    served = await Served.start(driver)
  })
  afterEach(() => served.end())

  /** How many reads have reached the filesystem meanwhile. */
  async function readsOf(work: () => Promise<unknown>): Promise<number> {
    const before = await served.counts()
    await work()
    return (await served.counts()).reads - before.reads
  }

  it('are not asked for again when a file that did not change is opened anew; or are [K5][V15]', async () => {
    const path = served.path('file')
    const bytes = Buffer.alloc(300_000, 'unchanged ')
    await fs.writeFile(path, bytes)
    const direct = [`if=${path}`, 'of=/dev/null', 'iflag=direct', 'bs=100k', 'status=none']
    expect(await readsOf(() => run('dd', direct))).toBeGreaterThan(0)
    await fs.readFile(path)
    const again = await readsOf(async () => expect((await fs.readFile(path)).equals(bytes)).toBe(true))
    if (expectedOf(driver, 'readsAreKept')) expect(again).toBe(0)
    else expect(again).toBeGreaterThan(0)
  })
})
