import { mkdir, open, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { mountAt, readMounts } from '../../src/fuse/mountinfo.ts'
import { expectBytes, patterned } from '../conformance/suite.ts'
import { run, runToEnd } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'

await describeMounts(
  'ends that somebody else brings about',
  ['fusermount3', 'umount', 'unshare'],
  (driver) => {
    let place: Workplace
    let mount: Mount

    beforeEach(async () => {
      place = await Workplace.open({ driver })
      await place.server.admin.write('/old.bin', patterned(1_000_000, 1))
      mount = await place.mount()
    })
    afterEach(() => place?.close())

    const second = () => join(place.scratch, 'second')

    it('umount(8) with an open file is refused, and nothing is lost', async () => {
      const file = await open(place.at('open.txt'), 'w')
      try {
        expect(await runToEnd('umount', [place.mountpoint])).toMatchObject({
          exitCode: 32,
          stderr: expect.stringContaining('busy') as unknown,
        })
        await file.write('goes on')
      } finally {
        await file.close()
      }
      await run('umount', [place.mountpoint])
      await mount.gone()
      expect((await place.drive.bytes('open.txt')).toString()).toBe('goes on')
      expect(await logOf(place)).not.toMatch(/"level":[45]0/)
    })

    it('fusermount3 -u -z serves open files, read and written, until the last is closed', async () => {
      const written = await open(place.at('written.txt'), 'w+')
      const read = await open(place.at('old.bin'), 'r')
      await written.write('before ')
      await run('fusermount3', ['-u', '-z', place.mountpoint])
      expect(await readdir(place.mountpoint)).toEqual([])
      await written.write('after')
      const content = Buffer.alloc(12)
      await written.read(content, 0, 12, 0)
      expect(content.toString()).toBe('before after')
      await written.close()
      expectBytes(await read.readFile(), patterned(1_000_000, 1))
      await read.close()
      await mount.gone()
      expect((await place.drive.bytes('written.txt')).toString()).toBe('before after')
    })

    it('a connection that is aborted: the process says so and ends, the folder is free', async () => {
      const file = await open(place.at('cut.txt'), 'w')
      await file.write('written before')
      await abortConnection(place.mountpoint)
      await mount.gone()
      await expect(file.write('written after')).rejects.toMatchObject({
        code: expect.stringMatching(/^(ENOTCONN|ECONNABORTED|EIO)$/) as unknown,
      })
      await file.close().catch(() => undefined) // whatever it says: nobody is there to hear of it
      expect(mountAt(await readMounts(), place.mountpoint)).toBeUndefined()
      expect(await readdir(place.mountpoint)).toEqual([])
      expect(await logOf(place)).toContain('has cut the connection to the kernel')
      // What had been written is sent by the process itself: its end is no accident.
      expect((await place.drive.bytes('cut.txt')).toString()).toBe('written before')
      mount = await place.mount()
      expect(await readFile(place.at('cut.txt'), 'utf8')).toBe('written before')
    })

    it('flush waits for the server; umount --detach leaves the rest to the next mount [W24][W25][W28]', async () => {
      expect(await place.cli(['umount', place.mountpoint])).toMatchObject({ exitCode: 0 })
      mount = await place.mount({ args: ['--quiet-time', '10m'] })
      await writeFile(place.at('first.txt'), 'is flushed')
      expect(await place.cli(['flush'])).toMatchObject({ exitCode: 0, stdout: '' })
      expect((await place.drive.bytes('first.txt')).toString()).toBe('is flushed')

      await writeFile(place.at('second.txt'), 'is left')
      expect(await place.cli(['umount', '--detach', place.mountpoint])).toMatchObject({
        exitCode: 0,
        stderr: expect.stringContaining('1 change that the server does not have yet is kept') as unknown,
      })
      await mount.gone()
      expect(await readdir(place.mountpoint)).toEqual([])
      expect((await place.drive.list('')).map(({ name }) => name)).not.toContain('second.txt')
      mount = await place.mount()
      expect(await readFile(place.at('second.txt'), 'utf8')).toBe('is left')
      expect(await place.cli(['flush', place.mountpoint])).toMatchObject({ exitCode: 0 })
      expect((await place.drive.bytes('second.txt')).toString()).toBe('is left')
    })

    it('two mounts of one account are served by one process, see each other, and end one by one [S5]', async () => {
      await place.server.admin.write('/folder/there.txt', 'there')
      await mkdir(second())
      expect(await place.cli([second(), '--root', 'cloudreve://my/folder'])).toMatchObject({ exitCode: 0 })
      expect(await pidsOf(place)).toEqual([mount.pid, mount.pid])
      await writeFile(join(second(), 'new.txt'), 'by the second')
      expect(await readFile(place.at('folder/new.txt'), 'utf8')).toBe('by the second')
      await writeFile(place.at('folder/there.txt'), 'by the first')
      expect(await readFile(join(second(), 'there.txt'), 'utf8')).toBe('by the first')

      expect(await place.cli(['umount', second()])).toMatchObject({ exitCode: 0 })
      expect(await readdir(second())).toEqual([])
      expect((await place.drive.bytes('folder/new.txt')).toString()).toBe('by the second')
      expect((await stat(place.at('folder/new.txt'))).size).toBe(13)

      expect(await place.cli([second(), '--root', 'cloudreve://my/folder'])).toMatchObject({ exitCode: 0 })
      place.expectCuts()
      mount.kill('SIGKILL')
      await mount.gone()
      await expect(stat(second())).rejects.toMatchObject({
        code: expect.stringMatching(/^(ENOTCONN|ECONNABORTED)$/) as unknown,
      })
      mount = await place.mount()
      expect(await place.cli([second(), '--root', 'cloudreve://my/folder'])).toMatchObject({ exitCode: 0 })
      expect(await pidsOf(place)).toEqual([mount.pid, mount.pid])
      expect(await readFile(join(second(), 'there.txt'), 'utf8')).toBe('by the first')
      expect(await place.cli(['umount', second()])).toMatchObject({ exitCode: 0 })
    })
  },
)

/** As `echo 1 > /sys/fs/fuse/connections/N/abort`, with the folder of connections mounted for that alone. */
async function abortConnection(mountpoint: string): Promise<void> {
  const device = mountAt(await readMounts(), mountpoint)?.device ?? ''
  const connection = device.split(':')[1]
  const script = `mount -t fusectl none /sys/fs/fuse/connections && echo 1 > /sys/fs/fuse/connections/${connection}/abort`
  await run('unshare', ['-m', 'sh', '-c', script])
}

async function pidsOf(place: Workplace): Promise<number[]> {
  const { stdout } = await place.cli(['status', '--json'])
  return (JSON.parse(stdout) as { pid: number }[]).map(({ pid }) => pid)
}

async function logOf(place: Workplace): Promise<string> {
  const folder = join(place.scratch, 'state/cloudreve-mount/logs')
  const logs = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')))
  return logs.join('')
}
