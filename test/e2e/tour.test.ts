import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectBytes, patterned } from '../conformance/suite.ts'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'

await describeMounts(
  'a tour with the programs of every day',
  ['ls', 'cp', 'mv', 'rm', 'dd', 'truncate', 'touch'],
  (driver) => {
    let place: Workplace
    let mount: Mount

    beforeAll(async () => {
      place = await Workplace.open({ driver })
      await place.drive.put('Documents/report.txt', 'the report\n')
      await place.drive.put('Documents/2026/plan.md', '# plan\n')
      await place.drive.put('photo.jpg', patterned(700_000))
      mount = await place.mount()
    })
    afterAll(() => place?.close())

    it('ls -lR shows the whole drive with sizes', async () => {
      const listing = await run('ls', ['-lR', place.mountpoint])
      for (const name of ['Documents', '2026', 'report.txt', 'plan.md', 'photo.jpg']) {
        expect(listing).toContain(name)
      }
      expect(listing).toMatch(/ 700000 .*photo\.jpg/)
    })

    it('cat reads a file', async () => {
      expect(await run('cat', [place.at('Documents/report.txt')])).toBe('the report\n')
    })

    it('cp out and cp in keep every byte', async () => {
      const copy = join(place.scratch, 'photo.jpg')
      await run('cp', [place.at('photo.jpg'), copy])
      expectBytes(await readFile(copy), patterned(700_000))
      const source = join(place.scratch, 'in.bin')
      await writeFile(source, patterned(1_200_000, 2))
      await run('cp', [source, place.at('Documents/in.bin')])
      await mount.settle()
      expectBytes(await place.drive.bytes('Documents/in.bin'), patterned(1_200_000, 2))
    })

    it('cp -r brings a tree in', async () => {
      const tree = join(place.scratch, 'tree')
      await mkdir(join(tree, 'a/b'), { recursive: true })
      for (let i = 0; i < 20; i += 1) await writeFile(join(tree, 'a/b', `${i}.txt`), `file ${i}`)
      await run('cp', ['-r', tree, place.at('tree')])
      expect(await run('diff', ['-r', tree, place.at('tree')])).toBe('')
      await mount.settle()
      expect((await place.drive.list('tree/a/b')).length).toBe(20)
      expect((await place.drive.bytes('tree/a/b/7.txt')).toString()).toBe('file 7')
    })

    it('mv renames and moves, the id stays', async () => {
      const { id } = await place.drive.info('photo.jpg')
      await run('mv', [place.at('photo.jpg'), place.at('Documents/2026/picture.jpg')])
      await mount.settle()
      expect((await place.drive.info('Documents/2026/picture.jpg')).id).toBe(id)
      expect((await readdir(place.mountpoint)).sort()).toEqual(['Documents', 'tree'])
    })

    it('mv of a folder over the border of a local disk copies and removes', async () => {
      const out = join(place.scratch, 'moved-out')
      await run('mv', [place.at('tree'), out])
      await mount.settle()
      expect(await readFile(join(out, 'a/b/7.txt'), 'utf8')).toBe('file 7')
      await expect(place.drive.info('tree')).rejects.toMatchObject({ code: 'ENOENT' })
    })

    it('mkdir -p makes a path, also when it exists', async () => {
      await run('mkdir', ['-p', place.at('x/y/z')])
      await run('mkdir', ['-p', place.at('x/y/z')])
      await mount.settle()
      expect((await place.drive.list('x/y')).map(({ name }) => name)).toEqual(['z'])
    })

    it('touch makes an empty file and touches one that exists', async () => {
      await run('touch', [place.at('x/new')])
      await mount.settle()
      expect((await place.drive.info('x/new')).sizeBytes).toBe(0)
      await run('touch', [place.at('Documents/report.txt')])
      await mount.settle()
      expect(await run('cat', [place.at('Documents/report.txt')])).toBe('the report\n')
    })

    it('dd with seek writes in the middle, conv=notrunc keeps the rest', async () => {
      const target = place.at('Documents/in.bin')
      const piece = join(place.scratch, 'piece')
      await writeFile(piece, patterned(4096, 3))
      await run('dd', [`if=${piece}`, `of=${target}`, 'bs=4096', 'seek=100', 'conv=notrunc', 'status=none'])
      const expected = Buffer.from(patterned(1_200_000, 2))
      patterned(4096, 3).copy(expected, 409_600)
      expectBytes(await readFile(target), expected)
      await mount.settle()
      expectBytes(await place.drive.bytes('Documents/in.bin'), expected)
    })

    it('truncate makes shorter and longer', async () => {
      await run('truncate', ['-s', '5', place.at('Documents/report.txt')])
      await run('truncate', ['-s', '8', place.at('Documents/report.txt')])
      await mount.settle()
      expect((await place.drive.bytes('Documents/report.txt')).toString()).toBe('the r\0\0\0')
    })

    it('rm -r removes a tree here and at the server', async () => {
      await run('rm', ['-r', place.at('Documents'), place.at('x')])
      await mount.settle()
      expect(await readdir(place.mountpoint)).toEqual([])
      expect(await place.drive.list('')).toEqual([])
    })

    it('df tells the size of the drive', async () => {
      const [, sizes] = (await run('df', ['--output=size,avail', '-B1', place.mountpoint])).trim().split('\n')
      const [size, free] = sizes!.trim().split(/\s+/).map(Number)
      expect(size).toBeGreaterThan(0)
      expect(free).toBeLessThanOrEqual(size!)
    })

    it('umount waits for what was written, and a remount shows it [W23]', async () => {
      await writeFile(place.at('last.txt'), 'written right before the unmount')
      await mount.unmount()
      expect((await place.drive.bytes('last.txt')).toString()).toBe('written right before the unmount')
      expect(await readdir(place.mountpoint)).toEqual([])
      mount = await place.mount()
      expect((await stat(place.at('last.txt'))).size).toBe(32)
    })
  },
)
