import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { FileLayer, LocalFile } from '../../../../src/base/file-layer.ts'
import { silentLog } from '../../../../src/base/log.ts'
import { InlineLayer, nothingInline, type InlineLimits } from '../../../../src/core/inline/index.ts'
import { FullDisk } from '../../../fakes/full-disk.ts'
import { PowerLossDisk, seededRandom } from '../../../fakes/power-loss.ts'
import { recordingLog } from '../../../fakes/recording-log.ts'

const folder = '/state/staging'
const logFolder = '/state/inline'
const path = `${folder}/one.data`
const sidePath = `${folder}/one.side`

let disk: PowerLossDisk

beforeEach(async () => {
  disk = await PowerLossDisk.with(folder)
})

function openOn(layer: FileLayer, limits?: InlineLimits, log = silentLog): Promise<InlineLayer> {
  return InlineLayer.open({ folder, logFolder, layer, log, now: () => 1_000, limits })
}

async function save(layer: FileLayer, text: string, at = path): Promise<LocalFile> {
  const file = await layer.open(at, 'create')
  await file.write(Buffer.from(text), 0)
  return file
}

async function textAt(layer: FileLayer, at = path): Promise<string> {
  return (await layer.readWhole(at)).toString()
}

describe('a small file', () => {
  it('lies in the log alone, and is there for the next process', async () => {
    const layer = await openOn(disk)
    const file = await save(layer, 'hello world')
    await file.write(Buffer.from('HELLO'), 0)
    await layer.replace(sidePath, 'a head', false)
    const side = await layer.open(sidePath, 'append')
    await side.append(Buffer.from('\nand a line'))
    expect(await disk.list(folder)).toEqual([])
    expect(file.fd).toBeUndefined()
    const next = await openOn(disk.killed())
    expect(await textAt(next)).toBe('HELLO world')
    expect(await textAt(next, sidePath)).toBe('a head\nand a line')
    expect((await next.list(folder)).sort()).toEqual(['one.data', 'one.side'])
    expect(await next.stat(path)).toEqual({ modifiedAtMs: 1_000, allocatedBytes: 11 })
  })

  it('is gone for the next process once it was removed', async () => {
    const layer = await openOn(disk)
    await save(layer, 'hello')
    await layer.remove(path)
    await layer.remove(path)
    expect(await layer.exists(path)).toBe(false)
    expect(await (await openOn(disk.killed())).list(folder)).toEqual([])
  })

  it('survives power loss after its sync, with everything that was changed before it', async () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const layer = await openOn(disk)
      await save(layer, 'hello')
      await layer.replace(sidePath, 'a head', true)
      const next = await openOn(disk.crash(seededRandom(seed)))
      expect(await textAt(next)).toBe('hello')
      disk = await PowerLossDisk.with(folder)
    }
  })

  it('and another that is changed in one turn cost one write', async () => {
    const layer = await openOn(disk)
    let writes = 0
    disk.onChange = () => (writes += 1)
    await Promise.all([save(layer, 'a'), layer.replace(sidePath, 'a head', false)])
    await Promise.all([layer.remove(path), layer.remove(sidePath)])
    expect(writes).toBe(3) // one that makes both, the bytes, and one that removes both
  })

  it('takes two changes at a time one after the other', async () => {
    const layer = await openOn(disk)
    const file = await save(layer, 'hello')
    await Promise.all([file.write(Buffer.from('H'), 0), file.write(Buffer.from('!'), 5), layer.remove(path)])
    expect(await (await openOn(disk.killed())).list(folder)).toEqual([])
  })

  it('is cut, and grows with zeros', async () => {
    const layer = await openOn(disk)
    const file = await save(layer, 'hello')
    await file.truncate(2)
    await file.truncate(4)
    expect(await file.sizeBytes()).toBe(4)
    expect(await textAt(await openOn(disk.killed()))).toBe('he\0\0')
  })

  it('keeps what it was when the disk is full', async () => {
    const state = await mkdtemp(join(tmpdir(), 'inline-'))
    const places = { folder: `${state}/staging`, logFolder: `${state}/inline`, log: silentLog, now: () => 0 }
    const at = `${state}/staging/one.data`
    try {
      const full = new FullDisk()
      const layer = await InlineLayer.open({ ...places, layer: full })
      const file = await save(layer, 'hello', at)
      full.roomBytes = 10
      await expect(file.write(Buffer.from('HELLO'), 0)).rejects.toMatchObject({ code: 'ENOSPC' })
      expect(await textAt(layer, at)).toBe('hello')
      full.roomBytes = Infinity
      await file.write(Buffer.from('!'), 5)
      await layer.close()
      const next = await InlineLayer.open({ ...places, layer: full })
      expect(await textAt(next, at)).toBe('hello!')
      await next.close()
    } finally {
      await rm(state, { recursive: true })
    }
  })

  it('of which the log has lost a part is not shown, and named', async () => {
    const layer = await openOn(disk)
    const file = await save(layer, 'hello')
    await file.write(Buffer.from('HELLO'), 0)
    await layer.close()
    const [name] = await disk.list(logFolder)
    const log = await disk.open(`${logFolder}/${name}`, 'use')
    const text = (await disk.readWhole(`${logFolder}/${name}`)).toString()
    await log.write(Buffer.from('x'), text.lastIndexOf('one.data#1'))
    const said = recordingLog()
    const next = await openOn(disk, undefined, said)
    expect(await next.exists(path)).toBe(false)
    await next.close()
    await openOn(disk, undefined, said)
    const unreadable = 'a staged file of an earlier run cannot be read'
    expect(said.lines.filter(({ message }) => message === unreadable)).toHaveLength(1)
  })
})

describe('a file that becomes too large', () => {
  const limits = { fileBytes: 8, totalBytes: 100 }

  it('is one of its own from then on, and goes on being written', async () => {
    const layer = await openOn(disk, limits)
    const file = await save(layer, 'hello')
    await file.write(Buffer.from(' world'), 5)
    expect(await disk.list(folder)).toEqual(['one.data'])
    expect(await textAt(await openOn(disk.killed(), limits))).toBe('hello world')
    await file.write(Buffer.from('HELLO'), 0)
    expect(await textAt(layer)).toBe('HELLO world')
    expect(file.fd).toBeDefined()
    await file.close()
  })

  it('survives power loss at any moment as it was when it was synced', async () => {
    for (let seed = 0; seed < 60; seed += 1) {
      const layer = await openOn(disk, limits)
      const file = await save(layer, 'hello')
      await file.datasync()
      let left = seed % 12
      let found: PowerLossDisk | undefined
      disk.onChange = () => {
        if (left === 0) found = disk.crash(seededRandom(seed))
        left -= 1
      }
      await file.write(Buffer.from(' world'), 5)
      const next = await openOn(found ?? disk.crash(seededRandom(seed)), limits)
      expect(await textAt(next)).toMatch(/^hello/)
      disk = await PowerLossDisk.with(folder)
    }
  })

  it('counts as it is in the folder where the log does not know yet that it has moved out', async () => {
    const layer = await openOn(disk, limits)
    await save(layer, 'hello')
    await disk.replace(path, 'moved out', true)
    const next = await openOn(disk, limits)
    expect(await textAt(next)).toBe('moved out')
    await next.remove(path)
    expect(await (await openOn(disk, limits)).exists(path)).toBe(false)
  })
})

it('has room for so much, and what comes then is of its own', async () => {
  const layer = await openOn(disk, { fileBytes: 8, totalBytes: 20 })
  for (const name of ['a', 'b', 'c']) await save(layer, '12345678', `${folder}/${name}.data`)
  expect((await disk.list(folder)).sort()).toEqual(['b.data', 'c.data'])
  await layer.remove(`${folder}/a.data`)
  await save(layer, '12345678', `${folder}/d.data`)
  expect((await disk.list(folder)).sort()).toEqual(['b.data', 'c.data'])
})

it('moves a small file out of the folder', async () => {
  const layer = await openOn(disk)
  await save(layer, 'hello')
  await disk.makeFolder('/state/lost')
  await layer.rename(path, '/state/lost/found')
  expect(await textAt(disk, '/state/lost/found')).toBe('hello')
  expect(await layer.list(folder)).toEqual([])
  expect(await disk.list(folder)).toEqual([])
})

it('syncs the folder only after names in it were changed', async () => {
  const layer = await openOn(disk)
  await layer.syncFolder(folder)
  let changes = 0
  disk.onChange = () => (changes += 1)
  await layer.syncFolder(folder)
  expect(changes).toBe(0)
  await layer.open(`${folder}/one.kept`, 'create')
  changes = 0
  await layer.syncFolder(folder)
  expect(changes).toBe(1)
})

const step = fc.oneof(
  fc.record({ do: fc.constant('save' as const), id: fc.nat(2), text: fc.string({ maxLength: 12 }) }),
  fc.record({
    do: fc.constant('write' as const),
    id: fc.nat(2),
    at: fc.nat(12),
    text: fc.string({ minLength: 1, maxLength: 12 }),
  }),
  fc.record({ do: fc.constant('append' as const), id: fc.nat(2), text: fc.string({ maxLength: 8 }) }),
  fc.record({ do: fc.constant('truncate' as const), id: fc.nat(2), size: fc.nat(20) }),
  fc.record({ do: fc.constant('remove' as const), id: fc.nat(2) }),
  fc.record({ do: fc.constant('kill' as const) }),
)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function doStep(layer: FileLayer, step: Exclude<Step, { do: 'kill' }>): Promise<void> {
  const at = `${folder}/${step.id}.side`
  if (step.do === 'save') return layer.replace(at, step.text, false)
  if (step.do === 'remove') return layer.remove(at)
  if (!(await layer.exists(at))) return undefined
  const file = await layer.open(at, step.do === 'append' ? 'append' : 'use')
  if (step.do === 'append') await file.append(Buffer.from(step.text))
  if (step.do === 'truncate') await file.truncate(step.size)
  if (step.do === 'write') await file.write(Buffer.from(step.text), step.at)
  return file.close()
}

it.each([
  ['inline', undefined],
  ['of their own', nothingInline],
  ['moving out', { fileBytes: 16, totalBytes: 60 }],
])('files that are %s are what they would be without the log', async (_, limits) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      let real = await PowerLossDisk.with(folder)
      const model = await PowerLossDisk.with(folder)
      let layer = await openOn(real, limits)
      for (const step of steps) {
        if (step.do === 'kill') {
          real = real.killed()
          layer = await openOn(real, limits)
          continue
        }
        await doStep(layer, step)
        await doStep(model, step)
      }
      const names = (await model.list(folder)).sort()
      expect((await layer.list(folder)).sort()).toEqual(names)
      for (const name of names)
        expect(await textAt(layer, `${folder}/${name}`)).toBe(await textAt(model, `${folder}/${name}`))
    }),
    { numRuns: 200 },
  )
})
