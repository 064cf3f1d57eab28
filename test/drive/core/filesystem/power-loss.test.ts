import { constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { settle } from '../../../fakes/manual-clock.ts'
import { PowerLossDisk, seededRandom, type Lie } from '../../../fakes/power-loss.ts'
import { errnoOf, TestDrive, type OpenedFile } from '../../../fakes/test-drive.ts'

const seeds = Array.from({ length: 10 }, (_, seed) => seed)

let root: string
let drive: TestDrive
let disk: PowerLossDisk

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'power-'))
})
afterAll(() => rm(root, { recursive: true }))

async function open(lies: readonly Lie[] = []): Promise<void> {
  disk = await PowerLossDisk.with('/', lies)
  drive = await TestDrive.open({ fileLayer: disk }, (remote) => {
    remote.putAsOther('docs/letter', 'old letter')
  })
  await drive.names('docs')
}

afterEach(() => drive.stop())

/** The machine is started anew, with a disk as it may be found. */
function losePower(seed: number): Promise<void> {
  return drive.crash(() => {
    drive.fileLayer = disk = disk.crash(seededRandom(seed))
    drive.bootId = `boot ${seed}`
  })
}

const texts = Array.from({ length: 6 }, (_, i) => `${i}`.repeat(3000 * (i + 1)))

async function saveAll(): Promise<void> {
  const files: OpenedFile[] = []
  for (const [i, text] of texts.entries()) {
    const file = await drive.create(`docs/new ${i}`)
    files.push(file)
    await drive.write(file, text)
  }
  await Promise.all(files.map((file) => drive.close(file)))
}

async function lostTexts(): Promise<string[]> {
  const { lostAndFound } = drive.drive.writeBack
  return Promise.all(lostAndFound.map(async ({ storedAt }) => (await disk.readWhole(storedAt)).toString()))
}

describe('what was closed', () => {
  it.each(seeds)('is shown again after power loss, and arrives (%i) [W2]', async (seed) => {
    await open()
    await saveAll()
    await drive.save('docs/letter', 'new letter')
    await losePower(seed)
    for (const [i, text] of texts.entries()) expect(await drive.text(`docs/new ${i}`)).toBe(text)
    expect(await drive.text('docs/letter')).toBe('new letter')
    // The process that goes on with it may be killed as well.
    await drive.crash()
    await drive.drain()
    expect(drive.remote.textAt('docs/letter')).toBe('new letter')
    expect(drive.remote.textAt('docs/new 5')).toBe(texts[5])
    expect(drive.copies()).toEqual([])
  })

  it.each<Lie>(['datasync', 'syncFolder'])('is not when %s does nothing: this test can fail', async (lie) => {
    let shown = 0
    for (const seed of seeds.slice(0, 5)) {
      if (seed > 0) await drive.stop()
      await open([lie])
      await saveAll()
      await losePower(seed)
      for (const [i, text] of texts.entries())
        if ((await drive.exists(`docs/new ${i}`)) && (await drive.text(`docs/new ${i}`)) === text) shown += 1
    }
    expect(shown).toBeLessThan(5 * texts.length)
  })

  it.each(seeds)('and written on afterwards is what it was at the close (%i) [W4]', async (seed) => {
    await open()
    await drive.save('docs/new', 'closed ')
    const file = await drive.open('docs/new', constants.O_WRONLY)
    await drive.write(file, 'x'.repeat(9000), 7)
    await losePower(seed)
    expect(await drive.text('docs/new')).toBe('closed ')
    await drive.drain()
    expect(drive.remote.textAt('docs/new')).toBe('closed ')
  })
})

describe('names of what is not on the server yet', () => {
  const syncs: [string, () => Promise<void>][] = [
    ['the next close', () => drive.save('docs/any', 'any')],
    [
      'the next fsync',
      async () => {
        const file = await drive.create('docs/any')
        await drive.write(file, 'any')
        await drive.fs.fsync(file.fh, false, drive.context())
      },
    ],
    [
      'fsync of a folder',
      async () => {
        const { fh } = await drive.fs.opendir(await drive.ino('docs'), drive.context())
        await drive.fs.fsyncdir(fh, drive.context())
      },
    ],
  ]

  it.each(syncs)('are those of after a rename and an unlink, once %s is over [W6]', async (_, sync) => {
    for (const seed of seeds.slice(0, 4)) {
      if (seed > 0) await drive.stop()
      await open()
      await drive.save('docs/new', 'new')
      await drive.save('docs/gone', 'gone')
      await drive.rename('docs/new', 'docs/renamed')
      await drive.unlink('docs/gone')
      await sync()
      await losePower(seed)
      expect((await drive.names('docs')).filter((name) => name !== 'any')).toEqual(['letter', 'renamed'])
      expect(await drive.text('docs/renamed')).toBe('new')
    }
  })

  it('may be those of before otherwise: the test can fail', async () => {
    const shown = new Set<string>()
    for (const seed of seeds.slice(0, 4)) {
      if (seed > 0) await drive.stop()
      await open()
      await drive.save('docs/new', 'new')
      await drive.rename('docs/new', 'docs/renamed')
      await losePower(seed)
      for (const name of await drive.names('docs')) shown.add(name)
    }
    expect(shown).toContain('new')
  })
})

describe('what was closed and has gone since, without anything being synced after it', () => {
  const goings: [string, readonly string[], () => Promise<void>][] = [
    ['was replaced by rename', ['new letter', 'note'], () => drive.rename('docs/note', 'docs/letter')],
    ['was deleted', ['new letter', 'gone'], () => drive.unlink('docs/letter')],
    ['has arrived', ['new letter'], () => drive.settleAll()],
  ]

  it.each(goings)('is there with its content if not what became of it: it %s [W2]', async (_, texts, go) => {
    for (let seed = 0; seed < 25; seed += 1) {
      if (seed > 0) await drive.stop()
      await open()
      drive.remote.putAsOther('docs/note', 'note')
      await drive.outdate()
      await drive.save('docs/letter', 'new letter')
      await go()
      await settle()
      await losePower(seed)
      expect(texts).toContain((await drive.exists('docs/letter')) ? await drive.text('docs/letter') : 'gone')
    }
  })

  it('is not missed when it is at the server and was new [W65]', async () => {
    for (const seed of seeds) {
      if (seed > 0) await drive.stop()
      await open()
      await drive.save('docs/new', 'new')
      await drive.settleAll()
      await losePower(seed)
      expect(await drive.text('docs/new')).toBe('new')
      await drive.drain()
      expect(drive.drive.top.pending()).toEqual([])
      expect(drive.copies()).toEqual([])
    }
  })
})

describe('an upload session', () => {
  it('that was opened when the power went, and nobody has heard of, does not lock its file [W40]', async () => {
    for (const seed of seeds) {
      if (seed > 0) await drive.stop()
      await open()
      await drive.save('docs/new', 'new')
      await drive.setattr('docs/new', { mtime: { seconds: 1_000, nanoseconds: 0 } })
      const isOpened = new Promise<void>((resolve) => {
        drive.remote.onSessionOpened = () => {
          resolve()
          return new Promise(() => undefined)
        }
      })
      await drive.clock.advance(10_000)
      await isOpened
      await losePower(seed)
      drive.remote.onSessionOpened = () => Promise.resolve()
      await drive.drain()
      expect(drive.remote.textAt('docs/new')).toBe('new')
      expect(drive.remote.openSessions).toBe(0)
    }
  })
})

describe('what was renamed and sent', () => {
  it('is not sent under its old name as well', async () => {
    for (const seed of seeds) {
      if (seed > 0) await drive.stop()
      await open()
      await drive.save('docs/new', 'new')
      await drive.rename('docs/new', 'docs/letter')
      const gate = drive.remote.hold('upload', 'after')
      await drive.clock.advance(10_000)
      await gate.entered
      await losePower(seed)
      gate.release()
      await drive.drain()
      expect(drive.remote.paths()).toEqual(['docs/', 'docs/letter'])
    }
  })
})

/** The disk as it may be found after each of its changes while `work` runs. */
async function eachDisk(seed: number, work: () => Promise<unknown>): Promise<PowerLossDisk[]> {
  const random = seededRandom(seed)
  const found: PowerLossDisk[] = []
  disk.onChange = () => found.push(disk.killed(), disk.crash(random))
  await work()
  disk.onChange = () => undefined
  return found
}

describe('what has arrived', () => {
  it.each(seeds.slice(0, 3))('leaves nothing behind, wherever the process ends (%i)', async (seed) => {
    await open()
    await drive.save('docs/letter', 'new letter')
    await drive.save('docs/new', 'hello')
    const disks = await eachDisk(seed, () => drive.settleAll())
    expect(disks.length).toBeGreaterThan(10)
    for (const [number, found] of disks.entries()) {
      await drive.crash(() => {
        drive.fileLayer = disk = found
        drive.bootId = number % 2 === 0 ? 'first boot' : `boot ${number}`
      })
      expect(drive.drive.writeBack.lostAndFound).toEqual([])
      await drive.drain()
      expect(drive.copies()).toEqual([])
      expect(drive.remote.textAt('docs/letter')).toBe('new letter')
      expect((await disk.list(join(drive.folder, 'staging'))).length).toBe(0)
    }
  })
})

describe('what nobody was promised', () => {
  it.each(seeds)('is never shown or sent as if it were whole (%i) [W5]', async (seed) => {
    await open()
    const text = 'y'.repeat(20_000)
    await drive.write(await drive.create('docs/open'), text)
    await losePower(seed)
    expect(await errnoOf(drive.text('docs/open'))).toBe('ENOENT')
    await drive.drain()
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/letter'])
    for (const { isCertain, certainRanges } of drive.drive.writeBack.lostAndFound)
      expect({ isCertain, certainRanges }).toEqual({ isCertain: false, certainRanges: [] })
  })

  it.each(seeds)(
    'and overwrites what was promised, leaves the version of the server (%i) [W5]',
    async (seed) => {
      await open()
      await drive.save('docs/letter', 'closed'.repeat(2000))
      const file = await drive.open('docs/letter', constants.O_WRONLY)
      await drive.write(file, 'torn'.repeat(2500))
      await losePower(seed)
      const text = await drive.text('docs/letter')
      const isOnRecord = drive.drive.writeBack.lostAndFound.length > 0
      expect(text).toBe(isOnRecord ? 'old letter' : 'closed'.repeat(2000))
      await drive.drain()
      expect(drive.remote.textAt('docs/letter')).toBe(text)
      if (isOnRecord) expect((await lostTexts())[0]).toHaveLength(12_000)
    },
  )
})

/** Counts what goes to the disk. */
function countSyncs(): { data: number; folder: number } {
  const counts = { data: 0, folder: 0 }
  const { fileLayer: inner } = drive
  drive.fileLayer = {
    ...bound(inner),
    open: async (path, how) => {
      const file = await inner.open(path, how)
      return {
        ...file,
        datasync: () => {
          counts.data += 1
          return file.datasync()
        },
      }
    },
    syncFolder: (path) => {
      counts.folder += 1
      return inner.syncFolder(path)
    },
  }
  return counts
}

function bound(layer: TestDrive['fileLayer']): TestDrive['fileLayer'] {
  const names = ['open', 'replace', 'rename', 'remove', 'list', 'exists', 'stat'] as const
  const rest = ['makeFolder', 'readWhole', 'syncFolder', 'space'] as const
  return Object.fromEntries(
    [...names, ...rest].map((name) => [name, layer[name].bind(layer) as unknown]),
  ) as unknown as TestDrive['fileLayer']
}

describe('closing', () => {
  it('what only reads, or wrote nothing, or is unchanged since the last time, costs the disk nothing', async () => {
    await open()
    const counts = countSyncs()
    await drive.crash()
    await drive.save('docs/new', 'hello')
    const after = { ...counts }
    await drive.text('docs/new')
    await drive.close(await drive.open('docs/new', constants.O_RDWR))
    const file = await drive.open('docs/new', constants.O_RDWR)
    await drive.fs.fsync(file.fh, false, drive.context())
    await drive.close(file)
    expect(counts).toEqual(after)
  })

  it('many files at a time shares what can be shared', async () => {
    await open()
    const counts = countSyncs()
    await drive.crash()
    const before = { ...counts }
    await saveAll()
    // Each file has its bytes and its side-car; the folder and the journal are for all of them.
    expect(counts.data - before.data).toBeLessThanOrEqual(2 * texts.length + 3)
    expect(counts.folder - before.folder).toBeLessThanOrEqual(3)
  })
})
