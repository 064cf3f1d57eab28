import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeFileLayer } from '../../../../src/base/file-layer.ts'
import { Journal, type JournalChange, type JournalValue } from '../../../../src/core/journal/index.ts'
import { FullDisk } from '../../../fakes/full-disk.ts'
import { recordingLog } from '../../../fakes/recording-log.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'))
})

afterEach(() => rm(folder, { recursive: true }))

const key = fc.constantFrom('a', 'b', 'c', 'ä\n "\0', '__proto__')
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as JournalValue),
  fc.constantFrom(40, 3000).map((length) => 'x'.repeat(length)),
)
const change: fc.Arbitrary<JournalChange> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ key, value }) },
  { weight: 1, arbitrary: fc.record({ key }) },
)
const changes = fc.array(change, { minLength: 1, maxLength: 3 })
const steps = fc.array(
  fc.oneof({ weight: 4, arbitrary: changes }, fc.constantFrom('sync' as const, 'reopen')),
  {
    minLength: 1,
    maxLength: 20,
  },
)

async function open(layer = nodeFileLayer, log = recordingLog()) {
  return Journal.open({ folder, layer, log })
}

async function emptyFolder(): Promise<void> {
  for (const name of await readdir(folder)) await rm(join(folder, name))
}

function after(state: ReadonlyMap<string, JournalValue>, changes: readonly JournalChange[]) {
  const next = new Map(state)
  for (const { key, value } of changes) {
    if (value === undefined) next.delete(key)
    else next.set(key, value)
  }
  return next
}

/** Two maps are the same when this is. */
function textOf(state: ReadonlyMap<string, JournalValue>): string {
  return JSON.stringify([...state].sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function segmentPath(): Promise<string> {
  const names = (await readdir(folder)).filter((name) => /^journal-\d+\.log$/.test(name))
  expect(names).toHaveLength(1)
  return join(folder, names[0]!)
}

/** Does the steps in an empty folder, and says which states there were, and which bytes were promised to be on the disk. */
async function run(steps: readonly (readonly JournalChange[] | 'sync' | 'reopen')[]) {
  await emptyFolder()
  let { journal } = await open()
  let states = [new Map<string, JournalValue>()]
  let synced = { path: await segmentPath(), bytes: 0 }
  const settle = async () => {
    states = states.slice(-1)
    const path = await segmentPath()
    synced = { path, bytes: (await readFile(path)).length }
  }
  await settle()
  for (const step of steps) {
    if (step === 'sync') await journal.sync()
    else if (step === 'reopen') {
      await journal.close()
      const reopened = await open()
      expect(reopened.damage).toEqual([])
      expect(textOf(reopened.entries)).toBe(textOf(states.at(-1)!))
      journal = reopened.journal
    } else {
      await journal.change(step)
      states.push(after(states.at(-1)!, step))
    }
    if (typeof step === 'string') await settle()
  }
  await journal.close()
  return { states, path: synced.path, syncedBytes: synced.bytes }
}

describe('a journal that was interrupted', () => {
  it('is at a state not before the last sync, wherever its file ends', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), changes, async (steps, where, more) => {
        const { states, path, syncedBytes } = await run(steps)
        const bytes = await readFile(path)
        await writeFile(path, bytes.subarray(0, syncedBytes + (where % (bytes.length - syncedBytes + 1))))
        const { journal, entries, damage } = await open()
        expect(damage).toEqual([])
        expect(states.map(textOf)).toContain(textOf(entries))
        await journal.change(more)
        await journal.close()
        const again = await open()
        expect(again.damage).toEqual([])
        expect(textOf(again.entries)).toBe(textOf(after(entries, more)))
        await again.journal.close()
      }),
      { numRuns: 60 },
    )
  })

  it('says which file lost something when a byte changed, keeps that file, and what it can read of it', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), fc.nat(7), async (steps, where, bit) => {
        const { states, path } = await run(steps)
        const bytes = await readFile(path)
        const at = where % bytes.length
        const flipped = bytes[at]! ^ (1 << bit)
        // Zero, at the end of a sector, is what a torn write looks like.
        bytes[at] = flipped === 0 ? bytes[at]! ^ 0x80 : flipped
        await writeFile(path, bytes)
        const log = recordingLog()
        const { journal, entries, damage } = await open(nodeFileLayer, log)
        await journal.close()
        if (damage.length === 0) {
          expect(textOf(entries)).toBe(textOf(states.at(-1)!))
          return
        }
        expect(damage.join()).toContain(path)
        expect(log.lines.map(({ message }) => message)).toEqual(damage)
        expect(await readFile(`${path}.damaged`)).toEqual(bytes)
        const again = await open()
        expect(again.damage).toEqual([])
        expect(textOf(again.entries)).toBe(textOf(entries))
        await again.journal.close()
      }),
      { numRuns: 60 },
    )
  })

  it('reads on after a damaged record, whatever of it was damaged', async () => {
    const names = ['a', 'b', 'c', 'd']
    const write = async () => {
      await emptyFolder()
      const { journal } = await open()
      for (const name of names) await journal.put(name, name)
      await journal.close()
    }
    await write()
    const size = (await readFile(await segmentPath())).length
    for (let at = 0; at < size; at += 1) {
      await write()
      const path = await segmentPath()
      const bytes = await readFile(path)
      bytes[at]! ^= 1
      await writeFile(path, bytes)
      const { journal, entries, damage } = await open()
      await journal.close()
      const lost = names.filter((name) => entries.get(name) !== name)
      expect(lost.length).toBeLessThanOrEqual(1)
      expect([...entries.keys()].every((key) => names.includes(key))).toBe(true)
      if (lost.length > 0) expect(damage).toHaveLength(1)
    }
  })

  it('drops what a lost block was part of, and all that came after it', async () => {
    const { journal } = await open()
    await journal.put('a', 1)
    await journal.sync()
    for (const name of ['b', 'c', 'd']) await journal.put(name, 'x'.repeat(5000))
    await journal.close()
    const path = await segmentPath()
    const bytes = await readFile(path)
    await writeFile(path, bytes.fill(0, 8192, 12_288))
    const { journal: reopened, entries, damage } = await open()
    expect(damage).toEqual([])
    expect([...entries.keys()]).toEqual(['a', 'b'].slice(0, entries.size))
    expect(entries.get('a')).toBe(1)
    await reopened.close()
  })

  it('reports a block that was lost although it had been on the disk', async () => {
    const { journal } = await open()
    for (const name of ['a', 'b', 'c', 'd']) {
      await journal.put(name, 'x'.repeat(5000))
      await journal.sync()
    }
    await journal.close()
    const path = await segmentPath()
    await writeFile(path, (await readFile(path)).fill(0, 4096, 8192))
    const { journal: reopened, entries, damage } = await open()
    expect(damage).toEqual([
      `${path} is damaged at byte 37: 2 records of changes not yet on the server cannot be read`,
    ])
    expect([...entries.keys()]).toEqual(['c', 'd'])
    await reopened.close()
  })

  it('is as it was before each write that found no room', async () => {
    const rooms = fc.array(fc.tuple(changes, fc.option(fc.nat(200), { nil: Infinity })), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(rooms, async (steps) => {
        await emptyFolder()
        const layer = new FullDisk()
        const { journal } = await open(layer)
        let state: ReadonlyMap<string, JournalValue> = new Map()
        for (const [step, room] of steps) {
          layer.roomBytes = room
          const hasRoom = await journal.change(step).then(
            () => true,
            (error: NodeJS.ErrnoException) => {
              expect(error.code).toBe('ENOSPC')
              return false
            },
          )
          if (hasRoom) state = after(state, step)
          else expect(room).toBeLessThan(Infinity)
        }
        const found = await open()
        expect(found.damage).toEqual([])
        expect(textOf(found.entries)).toBe(textOf(state))
        await found.journal.close()
        layer.roomBytes = Infinity
        await journal.close()
      }),
      { numRuns: 60 },
    )
  })
})
