import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { expectBytes, patterned, refused } from '../conformance/suite.ts'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'

await describeMounts('ends that nobody planned', ['fusermount3', 'umount'], (driver) => {
  let place: Workplace
  let mount: Mount

  beforeEach(async () => {
    place = await Workplace.open({ driver })
    await place.drive.put('old.txt', 'old')
    mount = await place.mount()
  })
  afterEach(() => place?.close())

  it('after kill -9 the next mount on the dead mountpoint works, and shows what the server has', async () => {
    mount.kill('SIGKILL')
    await mount.gone()
    await expect(stat(place.at('old.txt'))).rejects.toMatchObject({
      code: expect.stringMatching(/^(ENOTCONN|ECONNABORTED)$/),
    })
    mount = await place.mount()
    expect(await readFile(place.at('old.txt'), 'utf8')).toBe('old')
  })

  it('what was written before kill -9 and not sent is shown again, and arrives by itself, byte for byte [W1][W29]', async () => {
    const content = patterned(300_000, 4)
    await place.server.goOffline()
    await writeFile(place.at('unsent.bin'), content)
    mount.kill('SIGKILL')
    await mount.gone()
    await place.server.goOnline()
    const { stderr } = await place.cli([place.mountpoint])
    expect(stderr).toContain('1 change of an earlier run is being sent')
    mount = await place.current()
    expectBytes(await readFile(place.at('unsent.bin')), content)
    await mount.settle()
    expectBytes(await place.drive.bytes('unsent.bin'), content)
    expect(await mount.status()).toMatchObject({ uploads: [], lostAndFound: [] })
  })

  it('umount with an open file: the folder is gone, the program goes on, its bytes arrive', async () => {
    const file = await open(place.at('open.txt'), 'w')
    try {
      await file.write('before ')
      const { stderr } = await place.cli(['umount', place.mountpoint])
      expect(stderr).toContain('still')
      expect(await readdir(place.mountpoint)).toEqual([])
      await file.write('after')
    } finally {
      await file.close()
    }
    await mount.gone()
    expect((await place.drive.bytes('open.txt')).toString()).toBe('before after')
  })

  it('umount leaves the folder where an upload needs a person; with --force the next start sends it', async () => {
    place.server.faults.add({ route: 'PUT /file/content', kind: 'code', code: 40050 })
    await writeFile(place.at('refused.txt'), 'precious')
    const asked = await place.cli(['umount', place.mountpoint])
    expect(asked).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('cannot be uploaded') as unknown,
    })
    expect((await place.cli(['status'])).stdout).toContain('needs attention')
    await place.cli(['umount', '--force', place.mountpoint])
    await mount.gone()
    place.server.faults.clear()
    const { exitCode, stderr } = await place.cli([place.mountpoint])
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('1 change of an earlier run is being sent') as unknown,
    })
    mount = await place.current()
    expect(await readFile(place.at('refused.txt'), 'utf8')).toBe('precious')
    await mount.settle()
    expect((await place.drive.bytes('refused.txt')).toString()).toBe('precious')
  })

  it('a read-only mount lets programs change nothing, and sends what an earlier one was told [W30]', async () => {
    await place.server.goOffline()
    await writeFile(place.at('later.txt'), 'for later')
    mount.kill('SIGKILL')
    await mount.gone()
    await place.server.goOnline()
    const { stderr } = await place.cli([place.mountpoint, '--read-only'])
    expect(stderr).toContain('1 change of an earlier run is being sent')
    mount = await place.current()
    await refused('EROFS', writeFile(place.at('later.txt'), 'changed'))
    await refused('EROFS', unlink(place.at('old.txt')))
    await mount.unmount()
    expect((await place.drive.bytes('later.txt')).toString()).toBe('for later')
  })

  it('unsent bytes whose record is gone lie in lost+found, and each mount says so [W35][W36]', async () => {
    await place.server.goOffline()
    await writeFile(place.at('unsent.txt'), 'precious')
    mount.kill('SIGKILL')
    await mount.gone()
    await place.server.goOnline()
    const state = join(place.scratch, 'state/cloudreve-mount')
    const names = await readdir(state, { recursive: true })
    const records = names.filter((name) => /\bjournal\/journal-\d+\.log$/.test(name))
    for (const name of records) await rm(join(state, name))
    for (let i = 0; i < 2; i += 1) {
      const { stderr } = await place.cli([place.mountpoint])
      expect(stderr).toMatch(/1 file that an earlier mount could not upload is kept in .*lost\+found/)
      mount = await place.current()
      const [stored] = (await mount.status())['lostAndFound'] as string[]
      expect(await readFile(stored!, 'utf8')).toBe('precious')
      await mount.unmount()
    }
  })

  it('umount right after a file was deleted while open has nothing to wait for', async () => {
    const file = await open(place.at('gone.txt'), 'w')
    try {
      await file.write('nobody wants this')
      await unlink(place.at('gone.txt'))
      await mount.settle()
    } finally {
      await file.close()
    }
    await mount.unmount()
    expect((await place.drive.list('')).map(({ name }) => name)).toEqual(['old.txt'])
  })

  it('fusermount3 -u right after a write: the process goes on uploading, a new mount waits for it [W26][W27]', async () => {
    const content = patterned(400_000, 5)
    await writeFile(place.at('late.bin'), content)
    await run('fusermount3', ['-u', place.mountpoint])
    mount = await place.mount()
    expectBytes(await readFile(place.at('late.bin')), content)
    expectBytes(await place.drive.bytes('late.bin'), content)
  })

  it('SIGTERM right after a write: everything is at the server when the process is gone [W26]', async () => {
    await writeFile(place.at('term.txt'), 'to be sent')
    mount.kill('SIGTERM')
    await mount.gone()
    expect((await place.drive.bytes('term.txt')).toString()).toBe('to be sent')
    expect(await readdir(place.mountpoint)).toEqual([])
  })

  it('a second mount on the same folder is refused with a sentence that names it', async () => {
    const { exitCode, stderr } = await place.cli([place.mountpoint])
    expect(exitCode).not.toBe(0)
    expect(stderr).toContain(`mounted on ${place.mountpoint} already`)
  })

  it('a shell that stands in the mount does not keep umount from ending', async () => {
    const shell = spawn('sleep', ['60'], { cwd: place.mountpoint })
    await once(shell, 'spawn')
    try {
      expect(await place.cli(['umount', place.mountpoint])).toMatchObject({ exitCode: 0, stderr: '' })
      expect(await readdir(place.mountpoint)).toEqual([])
    } finally {
      shell.kill()
      await once(shell, 'exit')
    }
  })
})
