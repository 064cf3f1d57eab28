import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { driverDifferences, expectedOf } from '../conformance/driver-differences.ts'
import { patterned } from '../conformance/suite.ts'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'

/** 2001-02-03T04:05:06.123456789Z and one before 1970. */
const once = { text: '2001-02-03 04:05:06.123456789Z', ns: 981_173_106_123_456_789n, ms: 981_173_106_123 }
const early = { text: '1969-12-31 23:59:58.5Z', ns: -1_500_000_000n }

/** What `make` says of the project in `folder`. */
const make = (folder: string) => run('make', ['-C', folder, '--no-print-directory'])

async function mtimeNs(path: string): Promise<bigint> {
  return (await stat(path, { bigint: true })).mtimeNs
}

/** The time of every file and folder below, as `find` prints it: to the nanosecond. */
async function timesOf(folder: string): Promise<readonly string[]> {
  return (await run('find', [folder, '-printf', '%P %T+\n'])).trim().split('\n').sort()
}

/** Files and folders with a time of their own each, to the nanosecond. */
async function makeTree(folder: string): Promise<void> {
  for (let i = 0; i < 40; i += 1) {
    const inside = join(folder, `d${i % 4}`)
    if (i < 4) await mkdir(inside, { recursive: true })
    const path = join(inside, `file-${i}`)
    await writeFile(path, patterned(i * 311, i + 1))
    await run('touch', ['-d', `2003-04-05 06:07:${String(i).padStart(2, '0')}.${100_000_001 + i}Z`, path])
  }
  for (let i = 0; i < 4; i += 1) await run('touch', ['-d', `2002-01-0${i + 1}`, join(folder, `d${i}`)])
  await run('touch', ['-d', '2004-05-06 07:08:09.000000001Z', folder])
}

await describeMounts('times', ['cp', 'tar', 'touch', 'make', 'rsync', 'find'], (driver) => {
  let place: Workplace
  let mount: Mount

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    mount = await place.mount()
  })
  afterAll(() => place?.close())

  async function remount(options: Parameters<Workplace['mount']>[0] = {}): Promise<void> {
    await mount.unmount()
    mount = await place.mount(options)
  }

  /** The same account mounted on another machine: nothing of this one's state is there. */
  const elsewhere = () => ({ stateHome: join(place.scratch, 'another-machine') })

  describe('that a program chose', () => {
    let tree: string

    beforeAll(async () => {
      tree = join(place.scratch, 'tree')
      await makeTree(tree)
    })
    beforeEach(({ skip }) => {
      if (!expectedOf(driver, 'chosenTimes')) skip(driverDifferences.chosenTimes.reason)
    })

    it('touch -d: nanoseconds here, over a remount and in another mount, also before 1970 [A5]', async () => {
      await writeFile(place.at('touched'), 'x')
      await run('touch', ['-d', once.text, place.at('touched')])
      expect(await mtimeNs(place.at('touched'))).toBe(once.ns)
      await mount.settle()
      await run('touch', ['-d', early.text, place.at('touched')])
      await mkdir(place.at('folder'))
      await run('touch', ['-d', once.text, place.at('folder')])
      await remount()
      expect(await mtimeNs(place.at('touched'))).toBe(early.ns)
      expect(await mtimeNs(place.at('folder'))).toBe(once.ns)
      await remount(elsewhere())
      expect(await mtimeNs(place.at('touched'))).toBe(early.ns)
      expect(await mtimeNs(place.at('folder'))).toBe(once.ns)
      await remount()
    })

    it('cp -p before the upload: the drive itself tells it to the millisecond [A6]', async () => {
      const source = join(place.scratch, 'source')
      await writeFile(source, 'with a time')
      await run('touch', ['-d', once.text, source])
      await run('cp', ['-p', source, place.at('copied')])
      expect(await mtimeNs(place.at('copied'))).toBe(once.ns)
      await mount.settle()
      expect(Date.parse((await place.drive.info('copied')).updatedAt)).toBe(once.ms)
      expect(await mtimeNs(place.at('copied'))).toBe(once.ns)
      await run('cp', ['-p', place.at('copied'), join(place.scratch, 'back')])
      expect(await mtimeNs(join(place.scratch, 'back'))).toBe(once.ns)
    })

    it('tar x restores the times of files and folders, and they stay', async () => {
      const archive = join(place.scratch, 'tree.tar')
      await run('tar', ['--format=pax', '-cf', archive, '-C', place.scratch, 'tree'])
      await mkdir(place.at('unpacked'))
      await run('tar', ['-xpf', archive, '-C', place.at('unpacked'), '--no-same-owner'])
      const expected = await timesOf(tree)
      expect(await timesOf(place.at('unpacked/tree'))).toEqual(expected)
      await mount.settle()
      expect(await timesOf(place.at('unpacked/tree'))).toEqual(expected)
      await remount()
      expect(await timesOf(place.at('unpacked/tree'))).toEqual(expected)
      await remount(elsewhere())
      expect(await timesOf(place.at('unpacked/tree'))).toEqual(expected)
      await remount()
    })

    it('rsync -a: the second run copies nothing, nor after a remount, nor from another machine', async () => {
      const sync = () => run('rsync', ['-a', '--itemize-changes', `${tree}/`, `${place.at('synced')}/`])
      expect((await sync()).split('\n').filter((line) => line.startsWith('>f'))).toHaveLength(40)
      expect(await sync()).toBe('')
      await mount.settle()
      expect(await sync()).toBe('')
      await remount()
      expect(await sync()).toBe('')
      await remount(elsewhere())
      expect(await sync()).toBe('')
      await remount()
      const mark = place.mark()
      const stats = await run('rsync', ['-a', '--stats', `${tree}/`, `${place.at('synced')}/`])
      expect(stats).toMatch(/^Number of regular files transferred: 0$/m)
      await mount.settle()
      // It looked at five folders that nobody had listed since the remount; nothing was sent.
      expect(Object.keys(mark.counts())).toEqual(['GET /file'])
    })

    it('rsync -a sends the one file that changed, and brings times back to a local disk', async () => {
      const back = join(place.scratch, 'brought-back')
      await run('rsync', ['-a', `${place.at('synced')}/`, `${back}/`])
      expect(await timesOf(back)).toEqual(await timesOf(tree))
      await writeFile(join(back, 'd1/file-5'), 'changed')
      const changes = await run('rsync', ['-a', '--itemize-changes', `${back}/`, `${place.at('synced')}/`])
      expect(changes.split('\n').filter((line) => line.startsWith('>f'))).toEqual([
        expect.stringMatching(/ d1\/file-5$/),
      ])
      await mount.settle()
      expect((await place.drive.bytes('synced/d1/file-5')).toString()).toBe('changed')
    })
  })

  describe('make', () => {
    it('builds what is missing; the second run does nothing, also after the upload and after a remount', async () => {
      await mkdir(place.at('project'))
      await writeFile(
        place.at('project/Makefile'),
        'all: program\nprogram: a.o b.o\n\tcat $^ > $@\n%.o: %.c\n\tcp $< $@\n',
      )
      await writeFile(place.at('project/a.c'), 'a\n')
      await writeFile(place.at('project/b.c'), 'b\n')
      expect(await make(place.at('project'))).toContain('cat a.o b.o > program')
      expect((await readdir(place.at('project'))).sort()).toEqual([
        'Makefile',
        'a.c',
        'a.o',
        'b.c',
        'b.o',
        'program',
      ])
      expect(await readFile(place.at('project/program'), 'utf8')).toBe('a\nb\n')
      expect(await make(place.at('project'))).toMatch(/Nothing to be done/)
      await mount.settle()
      expect(await make(place.at('project'))).toMatch(/Nothing to be done/)
      await remount()
      expect(await make(place.at('project'))).toMatch(/Nothing to be done/)
    })

    it('a touched source is built again, and only what depends on it', async () => {
      await run('touch', [place.at('project/b.c')])
      const said = await make(place.at('project'))
      expect(said).toContain('cp b.c b.o')
      expect(said).toContain('cat a.o b.o > program')
      expect(said).not.toContain('cp a.c a.o')
      expect(await make(place.at('project'))).toMatch(/Nothing to be done/)
      await mount.settle()
      expect(await make(place.at('project'))).toMatch(/Nothing to be done/)
    })
  })
})
