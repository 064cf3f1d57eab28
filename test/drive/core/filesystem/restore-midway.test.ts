import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { nodeFileLayer, type LocalFile } from '../../../../src/base/file-layer.ts'
import { eventually, eventuallyPassing } from '../../../fakes/eventually.ts'
import { MortalDisk } from '../../../fakes/mortal-disk.ts'
import { takenUnheard } from '../../../fakes/taken-unheard.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

const journal = /\/journal-\d+\.log/

/** Texts by name. */
async function texts(drive: TestDrive): Promise<Record<string, string>> {
  const names = await drive.names('docs')
  const found = names.map(async (name) => [name, await drive.text(`docs/${name}`)] as const)
  return Object.fromEntries(await Promise.all(found))
}

type Operation = (drive: TestDrive, disk: MortalDisk) => Promise<void>

interface Death {
  readonly prepare: (drive: TestDrive) => Promise<void>
  readonly operation: Operation
  readonly whileDown?: (drive: TestDrive) => void
  readonly inTheEnd?: (drive: TestDrive) => void
  /** When it dies, the `count`th time. */
  readonly dieAt: (disk: MortalDisk, count: number) => void
}

/** The process dies after each record that `operation` puts into the journal; what is shown then is answered for each. */
function afterEachRecord(
  prepare: (drive: TestDrive) => Promise<void>,
  operation: Operation,
): Promise<Record<string, string>[]> {
  return dyingAgain({ prepare, operation, dieAt: (disk, records) => disk.dieAfter(records, journal) })
}

/** The process dies later and later in `operation`, until it is done. */
async function dyingAgain(death: Death): Promise<Record<string, string>[]> {
  const { prepare, operation, dieAt, whileDown, inTheEnd } = death
  const shown: Record<string, string>[] = []
  for (let count = 1; ; count += 1) {
    const disk = new MortalDisk()
    const drive = await TestDrive.open({ fileLayer: disk.layer }, (remote) => {
      remote.putAsOther('docs/letter', 'old letter')
    })
    try {
      await prepare(drive)
      dieAt(disk, count)
      let isDone = false
      void operation(drive, disk).then(() => (isDone = true))
      await eventually(() => isDone || disk.isDead)
      if (!disk.isDead) {
        disk.live()
        return shown
      }
      drive.fileLayer = nodeFileLayer
      await drive.crash(() => whileDown?.(drive))
      shown.push(await texts(drive))
      await drive.drain()
      expect(drive.copies()).toEqual([])
      inTheEnd?.(drive)
      await eventually(() => readdirSync(join(drive.folder, 'staging')).length === 0)
    } finally {
      await drive.stop()
    }
  }
}

/** Until everything is sent, or the process is dead. */
const untilSent: Operation = (drive, disk) =>
  eventuallyPassing(drive.clock, () => disk.isDead || drive.isSettled)

function journalOf({ folder }: TestDrive): string {
  const names = readdirSync(join(folder, 'journal'))
  return names.map((name) => readFileSync(join(folder, 'journal', name), 'latin1')).join('')
}

/** Done or not done. */
async function expectWhole(
  before: Record<string, string>,
  after: Record<string, string>,
  shown: Promise<Record<string, string>[]>,
): Promise<void> {
  const all = await shown
  expect(all.length).toBeGreaterThan(0)
  for (const one of all) expect([before, after]).toContainEqual(one)
}

describe('a local disk that fails in the middle of the restoring', () => {
  it('changes nothing about what was taken up before, and the rest is taken up later', async () => {
    let failures = 0
    const failing = async (path: string, how: 'create' | 'use' | 'append'): Promise<LocalFile> => {
      const file = await nodeFileLayer.open(path, how)
      const append = (data: Uint8Array) => {
        if (failures === 0 || !journal.test(path)) return file.append(data)
        failures -= 1
        return Promise.reject(Object.assign(new Error('EIO: the disk fails'), { code: 'EIO' }))
      }
      return { ...file, append }
    }
    const fileLayer = { ...nodeFileLayer, open: failing }
    const drive = await TestDrive.open({ fileLayer }, (remote) => {
      for (const name of ['gone', 'letter', 'removed']) remote.putAsOther(`docs/${name}`, name)
    })
    try {
      await drive.open('docs/gone')
      await drive.unlink('docs/gone')
      await drive.rename('docs/letter', 'docs/renamed')
      await drive.save('docs/new', 'new')
      await drive.unlink('docs/removed')
      await drive.crash(() => {
        drive.remote.removeAsOther('docs/gone')
        failures = 1
      })
      expect(failures).toBe(0)
      const expected = { new: 'new', renamed: 'letter' }
      expect(await texts(drive)).toEqual(expected)
      await drive.clock.advance(1_000)
      expect(await texts(drive)).toEqual(expected)
      await drive.settleAll()
      await eventually(() => drive.drive.top.pending().length === 0)
      expect(drive.remote.paths()).toEqual(['docs/', 'docs/new', 'docs/renamed'])
      await drive.crash()
      expect(await texts(drive)).toEqual(expected)
    } finally {
      await drive.stop()
    }
  })
})

describe('a process that dies while it renames over another file', () => {
  it('has done it or not: a new file over one of the server [W32]', () =>
    expectWhole(
      { letter: 'old letter', tmp: 'second' },
      { letter: 'second' },
      afterEachRecord(
        (drive) => drive.save('docs/tmp', 'second'),
        (drive) => drive.rename('docs/tmp', 'docs/letter'),
      ),
    ))

  it('has done it or not: a new file over a changed one [W32]', () =>
    expectWhole(
      { letter: 'changed', tmp: 'second' },
      { letter: 'second' },
      afterEachRecord(
        async (drive) => {
          await drive.save('docs/letter', 'changed')
          await drive.save('docs/tmp', 'second')
        },
        (drive) => drive.rename('docs/tmp', 'docs/letter'),
      ),
    ))

  it.each([
    ['is here', async (drive: TestDrive) => void (await drive.text('docs/tmp'))],
    ['is not here', async () => undefined],
  ])('has done it or not: a clean file whose content %s over another [W32]', (_, look) =>
    expectWhole(
      { letter: 'old letter', tmp: 'second' },
      { letter: 'second' },
      afterEachRecord(
        async (drive) => {
          drive.remote.putAsOther('docs/tmp', 'second')
          await look(drive)
        },
        (drive) => drive.rename('docs/tmp', 'docs/letter'),
      ),
    ),
  )

  it('keeps the time that was chosen for the clean file, whether it has done it or not [A5]', async () => {
    const mtime = { seconds: 1_000_000_000, nanoseconds: 5 }
    for (let records = 1; ; records += 1) {
      const disk = new MortalDisk()
      const drive = await TestDrive.open({ fileLayer: disk.layer }, (remote) => {
        remote.putAsOther('docs/letter', 'old letter')
        remote.putAsOther('docs/tmp', 'second')
      })
      try {
        await drive.text('docs/tmp')
        await drive.setattr('docs/tmp', { mtime })
        await drive.settleAll()
        disk.dieAfter(records, journal)
        let isDone = false
        void drive.rename('docs/tmp', 'docs/letter').then(() => (isDone = true))
        await eventually(() => isDone || disk.isDead)
        const isOver = !disk.isDead
        disk.dieAfter(Infinity, journal)
        drive.fileLayer = nodeFileLayer
        await drive.crash()
        const name = (await drive.names('docs')).includes('tmp') ? 'docs/tmp' : 'docs/letter'
        expect((await drive.stat(name)).mtime).toEqual(mtime)
        await drive.drain()
        expect((await drive.stat(name)).mtime).toEqual(mtime)
        if (isOver) return
      } finally {
        await drive.stop()
      }
    }
  })

  it.each(['is here', 'is not here'])(
    'has done it when only the side-car does not say so: a clean file whose content %s over another [W32]',
    async (where) => {
      const disk = new MortalDisk()
      const drive = await TestDrive.open({ fileLayer: disk.layer }, (remote) => {
        remote.putAsOther('docs/letter', 'old letter')
        remote.putAsOther('docs/tmp', 'second')
      })
      try {
        if (where === 'is here') await drive.text('docs/tmp')
        disk.stallAppends(/^\n\{"h"/)
        void drive.rename('docs/tmp', 'docs/letter')
        await eventually(() => journalOf(drive).includes('"name":"letter"},"staged"'))
        drive.fileLayer = nodeFileLayer
        await drive.crash()
        expect(await texts(drive)).toEqual({ letter: 'second' })
        await drive.drain()
        expect(drive.remote.paths()).toEqual(['docs/', 'docs/letter'])
        expect(drive.remote.textAt('docs/letter')).toBe('second')
      } finally {
        await drive.stop()
      }
    },
  )

  it('has done it or not: a new file over a new one [W32]', () =>
    expectWhole(
      { letter: 'old letter', first: 'one', second: 'two' },
      { letter: 'old letter', first: 'two' },
      afterEachRecord(
        async (drive) => {
          await drive.save('docs/first', 'one')
          await drive.save('docs/second', 'two')
        },
        (drive) => drive.rename('docs/second', 'docs/first'),
      ),
    ))
})

describe('a process that dies while it renames over a file of which an upload may have arrived unheard', () => {
  it.each(['new', ''])('has done it or not, and takes the upload for its own: "%s" [W32]', (text) =>
    expectWhole(
      { letter: 'changed', tmp: text },
      { letter: text },
      dyingAgain({
        prepare: async (drive) => {
          await drive.save('docs/letter', 'changed')
          await takenUnheard(drive)
          await drive.crash()
          drive.remote.offline = true
          await drive.save('docs/tmp', text)
        },
        operation: (drive) => drive.during(drive.rename('docs/tmp', 'docs/letter')),
        dieAt: (disk, count) => disk.dieAfterSteps(2 * count),
        whileDown: ({ remote }) => void (remote.offline = false),
      }),
    ),
  )
})

describe('a process that dies while a kept backup becomes the new file', () => {
  const moments = [
    { moment: 'record', dieAt: (disk: MortalDisk, count: number) => disk.dieAfter(count, journal) },
    {
      moment: 'fifth step on the disk',
      dieAt: (disk: MortalDisk, count: number) => disk.dieAfterSteps(5 * count),
    },
  ]
  const looks = [
    { where: 'is here', look: async (drive: TestDrive) => void (await drive.text('docs/letter')) },
    { where: 'is not here', look: async () => undefined },
  ]
  const cases = moments.flatMap((moment) => looks.map((look) => ({ ...moment, ...look })))

  it.each(cases)(
    'shows the same after each $moment; the content of the backup $where [S6]',
    async ({ dieAt, look }) => {
      const same = { letter: 'second', 'letter~': 'old letter' }
      const shown = await dyingAgain({
        prepare: async (drive) => {
          drive.remote.versionsKept = 1
          await look(drive)
          await drive.rename('docs/letter', 'docs/letter~')
          await drive.save('docs/letter', 'second')
        },
        operation: untilSent,
        dieAt,
        inTheEnd: ({ remote }) => {
          expect(['letter', 'letter~'].map((name) => remote.textAt(`docs/${name}`))).toEqual([
            'second',
            'old letter',
          ])
        },
      })
      expect(shown.length).toBeGreaterThan(3)
      for (const one of shown) expect(one).toEqual(same)
    },
  )
})

describe('a process that dies while it drops what an earlier one left of a deleted file', () => {
  /** It was open, and new or changed. */
  const deleted: [what: string, name: string][] = [
    ['that was new', 'new'],
    ['of the server', 'letter'],
  ]

  it.each(deleted)('%s leaves nothing in lost+found, at whichever step it dies', async (_, name) => {
    for (let steps = 0; ; steps += 1) {
      const drive = await TestDrive.open({}, (remote) => remote.putAsOther('docs/letter', 'old letter'))
      try {
        await drive.save(`docs/${name}`, 'changed')
        await drive.open(`docs/${name}`)
        await drive.unlink(`docs/${name}`)
        const disk = new MortalDisk()
        disk.dieAfterSteps(steps)
        drive.fileLayer = disk.layer
        let isDone = false
        void drive.crash().then(() => (isDone = true))
        const isStaged = () => readdirSync(join(drive.folder, 'staging')).length > 0
        await eventually(() => (isDone && !isStaged()) || disk.isDead)
        const { isDead } = disk
        disk.dieAfterSteps(Infinity)
        drive.fileLayer = nodeFileLayer
        await drive.crash()
        await drive.drain()
        expect(drive.drive.writeBack.lostAndFound).toEqual([])
        await eventually(() => !isStaged())
        if (!isDead) return expect(steps).toBeGreaterThan(0)
      } finally {
        await drive.stop()
      }
    }
  })
})
