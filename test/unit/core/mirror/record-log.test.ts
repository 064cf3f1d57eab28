import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeFileLayer, type FileLayer, type LocalFile } from '../../../../src/base/file-layer.ts'
import { formatHeader } from '../../../../src/core/mirror/record-frame.ts'
import { RecordLog } from '../../../../src/core/mirror/record-log.ts'
import { MortalLayer } from '../../../fakes/mortal-layer.ts'
import { notingLayer } from '../../../fakes/noting-layer.ts'
import { recordingLog } from '../../../fakes/recording-log.ts'

/** What processes that were killed had open: kept, as the collector complains of what it has to close. */
const leftOpen: LocalFile[] = []
const disk = notingLayer(nodeFileLayer, leftOpen)

let folder: string
let log: ReturnType<typeof recordingLog>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'record-log-'))
  log = recordingLog()
})
afterEach(() => rm(folder, { recursive: true, force: true }))

interface Shape {
  readonly layer?: FileLayer
  readonly maxWeight?: number
  readonly fileBytes?: number
}

function open({ layer = nodeFileLayer, maxWeight = 1_000, fileBytes }: Shape = {}): Promise<RecordLog> {
  return RecordLog.open({ folder, layer, log, maxWeight, fileBytes })
}

function text(records: RecordLog, key: string): string | undefined {
  return records.get(key)?.toString()
}

const warnings = () => log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)

describe('a record log', () => {
  it('answers what was put last, before and after it is written, and after it was opened anew', async () => {
    const records = await open()
    records.put('a', Buffer.from('one'))
    records.put('a', Buffer.from('two'))
    records.put('b', Buffer.from('gone'))
    records.remove('b')
    expect([text(records, 'a'), text(records, 'b')]).toEqual(['two', undefined])
    await records.written()
    expect(records.written()).toBeUndefined()
    expect(text(records, 'a')).toBe('two')
    await records.close()
    const again = await open()
    expect([text(again, 'a'), text(again, 'b')]).toEqual(['two', undefined])
    await again.close()
  })

  it('keeps what was written when its process is killed, and none of the rest', async () => {
    const process = new MortalLayer(disk)
    const records = await open({ layer: process.layer })
    records.put('a', Buffer.from('one'))
    await records.written()
    process.kill()
    records.put('a', Buffer.from('two'))
    const again = await open()
    expect(text(again, 'a')).toBe('one')
    await again.close()
  })

  it('drops what was used longest ago, and nothing without a weight', async () => {
    const records = await open({ maxWeight: 30 })
    records.put('fact', Buffer.from('f'))
    for (const key of ['a', 'b', 'c']) records.put(key, Buffer.from(key), 10)
    expect(text(records, 'a')).toBe('a')
    records.put('d', Buffer.from('d'), 10)
    expect(['fact', 'a', 'b', 'c', 'd'].filter((key) => records.has(key))).toEqual(['fact', 'a', 'c', 'd'])
    expect(records.weight).toBe(30)
    await records.close()
    const again = await open({ maxWeight: 10 })
    expect(again.weight).toBe(10)
    expect(text(again, 'fact')).toBe('f')
    await again.close()
  })

  it('does not grow with what does not count any more', async () => {
    const records = await open({ fileBytes: 1024 ** 2 })
    const value = Buffer.alloc(100_000, 'x')
    records.put('kept', Buffer.from('kept'))
    for (let i = 0; i < 300; i += 1) {
      records.put(`k${i % 3}`, value)
      if (i % 10 === 0) await records.written()
    }
    await records.written()
    expect(records.sizeBytes).toBeLessThan(7 * 1024 ** 2)
    expect(text(records, 'kept')).toBe('kept')
    await records.close()
    const again = await open()
    expect(text(again, 'kept')).toBe('kept')
    expect(again.get('k2')?.length).toBe(value.length)
    await again.close()
  })

  it('takes what is torn at any byte for not written', async () => {
    const records = await open()
    records.put('a', Buffer.from('one'))
    records.put('b', Buffer.from('two'))
    await records.close()
    const path = join(folder, (await readdir(folder))[0]!)
    const whole = await readFile(path)
    const found = new Set<string>()
    for (let size = 0; size < whole.length; size += 1) {
      await writeFile(path, whole)
      await truncate(path, size)
      const torn = await open()
      found.add([text(torn, 'a'), text(torn, 'b')].join())
      await torn.close()
    }
    expect([...found]).toEqual([',', 'one,'])
    expect(warnings()).toEqual([])
  })

  it('begins with nothing where a byte of it is another one, and says so [E22]', async () => {
    const records = await open()
    records.put('a', Buffer.from('one'))
    records.put('b', Buffer.from('two'))
    await records.close()
    const path = join(folder, (await readdir(folder))[0]!)
    const bytes = await readFile(path)
    bytes[bytes.indexOf('one')] = 0
    await writeFile(path, bytes)
    const again = await open()
    expect([text(again, 'a'), text(again, 'b')]).toEqual([undefined, undefined])
    expect(warnings()).toEqual([expect.stringContaining('is damaged')])
    again.put('a', Buffer.from('new'))
    expect(text(again, 'a')).toBe('new')
    await again.close()
  })

  it('begins with nothing where a newer version has made it, and says so', async () => {
    await writeFile(join(folder, 'mirror-3'), formatHeader(2))
    const records = await open()
    expect(warnings()).toEqual([expect.stringContaining('newer version')])
    records.put('a', Buffer.from('one'))
    await records.close()
    const again = await open()
    expect(text(again, 'a')).toBe('one')
    await again.close()
  })

  it('keeps nothing any more when the disk takes nothing, so that the next start knows nothing that is not so [E22]', async () => {
    const before = await open()
    before.put('a', Buffer.from('old'))
    await before.close()
    const full: FileLayer = {
      ...nodeFileLayer,
      open: async (path, how) => ({
        ...(await nodeFileLayer.open(path, how)),
        write: () => Promise.reject(new Error('ENOSPC')),
      }),
    }
    const records = await open({ layer: full })
    records.remove('a')
    await records.written()
    records.put('b', Buffer.from('two'))
    expect([text(records, 'a'), text(records, 'b')]).toEqual([undefined, undefined])
    await records.close()
    const again = await open()
    expect(text(again, 'a')).toBeUndefined()
    await again.close()
  })

  it('cleared while it is used, has what came after that and nothing else', async () => {
    const records = await open()
    records.put('a', Buffer.from('one'))
    await records.written()
    records.put('b', Buffer.from('two'))
    const cleared = records.clear()
    records.put('c', Buffer.from('three'))
    await cleared
    expect(['a', 'b', 'c'].map((key) => text(records, key))).toEqual([undefined, undefined, 'three'])
    await records.close()
    const again = await open()
    expect(['a', 'b', 'c'].map((key) => text(again, key))).toEqual([undefined, undefined, 'three'])
    await again.close()
  })

  it('is what a map is, over any puts, removals, ends and kills', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd')
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), key, size: fc.nat(3_000) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), key }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('written', 'reopen', 'kill') }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const shape = { fileBytes: 4_000 }
        let process = new MortalLayer(disk)
        let records = await open({ ...shape, layer: process.layer })
        await records.clear()
        const model = new Map<string, string>()
        let count = 0
        for (const one of steps) {
          if (one.do === 'put' && 'size' in one) {
            const value = `${(count += 1)}`.padEnd(one.size, '.')
            records.put(one.key, Buffer.from(value))
            model.set(one.key, value)
          } else if ('key' in one) {
            records.remove(one.key)
            model.delete(one.key)
          } else {
            await records.written()
            if (one.do === 'reopen') await records.close()
            if (one.do === 'kill') process.kill()
            if (one.do !== 'written') {
              process = new MortalLayer(disk)
              records = await open({ ...shape, layer: process.layer })
            }
          }
          for (const name of ['a', 'b', 'c', 'd']) expect(text(records, name)).toBe(model.get(name))
        }
        await records.close()
      }),
      { numRuns: 60 },
    )
  })
})
