/** Blocks that somebody is going to read are read and compared before, some pieces at the same time. */
import { expect, it } from 'vitest'
import { nodeFileLayer, type FileLayer } from '../../../../src/base/file-layer.ts'
import { patternBytes } from '../../../fakes/content-remote.ts'
import { DiskCaching } from '../../../fakes/disk-caching.ts'
import { eventually } from '../../../fakes/eventually.ts'

const MIB = 1024 ** 2
const BLOCK = 64 * 1024
const blocks = 160

/** A disk that lets reads of more than a block wait, and says how many do. */
class SlowDisk {
  readonly reads: { readonly path: string; readonly position: number }[] = []
  readonly layer: FileLayer = {
    ...nodeFileLayer,
    open: async (path, how) => {
      const file = await nodeFileLayer.open(path, how)
      return {
        ...file,
        read: async (into, position) => {
          if (into.length > BLOCK && this.#isSlow) {
            this.reads.push({ path, position })
            await this.#open
          }
          return file.read(into, position)
        },
      }
    },
  }
  #letGo: () => void = () => undefined
  readonly #open = new Promise<void>((resolve) => {
    this.#letGo = resolve
  })
  #isSlow = false

  slowDown(): void {
    this.#isSlow = true
  }

  letGo(): void {
    this.#letGo()
  }
}

it('three pieces of a MiB at a time, each once', async () => {
  const disk = new SlowDisk()
  const caching = await DiskCaching.open({ layer: disk.layer })
  try {
    const content = caching.remote.add('a', patternBytes(blocks * BLOCK))
    await caching.readThrough(content)
    await caching.restart()
    const cached = caching.readers.onDisk(content)!
    await cached.load(0, blocks)
    disk.slowDown()
    cached.verifyAhead(0, blocks)
    cached.verifyAhead(0, blocks)
    await eventually(() => disk.reads.length === 3)
    expect(cached.spanOf({ start: 0, end: MIB })).toBeUndefined()
    disk.letGo()
    const starts = Array.from({ length: blocks }, (_, index) => index * BLOCK)
    await eventually(() =>
      starts.every((start) => cached.spanOf({ start, end: start + BLOCK })?.length === BLOCK),
    )
    const places = disk.reads.map(({ path, position }) => `${path} ${position}`)
    expect(places).toHaveLength((blocks * BLOCK) / MIB)
    expect(new Set(places).size).toBe(places.length)
  } finally {
    await caching.close()
  }
})
