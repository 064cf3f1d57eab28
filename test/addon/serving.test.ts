import { mkdtemp, rm, rmdir, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { mountAt, readMounts } from '../../src/fuse/mountinfo.ts'
import { namespaceUnavailable, NativeHost, nativeUnavailable } from '../harness/native-host.ts'

const eagain = 11
const ext4Magic = 0xef53

async function backingFile() {
  const folder = await mkdtemp(join(tmpdir(), 'cloudreve-mount-backing-'))
  const path = join(folder, 'content')
  await writeFile(path, Buffer.alloc(600_000, 'backed '))
  return {
    path,
    /** Known to tell apart what is cached; others may answer from the disk nevertheless. */
    isOnExt4: (await statfs(path)).type === ext4Magic,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

const why = nativeUnavailable()
if (why !== undefined) process.stdout.write(`native addon: skipped, ${why}\n`)

describe.skipIf(why !== undefined)('the addon serving a null filesystem', () => {
  it('mounts, shakes hands, and answers what programs ask', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    expect(await host.run('stat', '-c', '%F %s', host.mountpoint)).toBe('directory 0\n')
    expect(await host.run('stat', '-c', '%F %s', join(host.mountpoint, 'file'))).toBe(
      'regular file 1048576\n',
    )
    await expect(host.run('stat', join(host.mountpoint, 'absent'))).rejects.toThrow('No such file')
    expect(await host.run('ls', '-A', host.mountpoint)).toBe('')
    expect(await host.run('stat', '-f', '-c', '%S %l', host.mountpoint)).toBe('4096 255\n')
    expect(await host.run('head', '-c', '10', join(host.mountpoint, 'file'))).toBe('null null ')
    expect(await host.run('findmnt', '-n', '-o', 'FSTYPE,SOURCE', host.mountpoint)).toMatch(
      /^fuse\.null\s+null\n$/,
    )
    expect(await host.call('replyErrors')).toEqual([])
    expect(await host.end()).toEqual({ status: 0, signal: null })
  })

  it('hands over all requests that wait before it finishes the first of them', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    const controls = await mkdtemp(join(tmpdir(), 'fusectl-'))
    await host.run('mount', '-t', 'fusectl', 'none', controls)
    try {
      const number = mountAt(await readMounts(), host.mountpoint)!.device.split(':')[1]!
      const gathered = host.call('gather', join(controls, number, 'waiting'), 3)
      const programs = ['file', 'backed', 'slow'].map((name) => host.run('stat', join(host.mountpoint, name)))
      await gathered
      await Promise.all(programs)
      const order = await host.call<string[]>('order')
      expect(order.slice(0, 3)).toEqual(['handed over', 'handed over', 'handed over'])
      expect(order).toContain('finished')
    } finally {
      await host.run('umount', controls)
      await rmdir(controls)
    }
  })

  it('sends answers in one call, and says which of them nobody waited for', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    const programs = [0, 1].map((at) => host.run('stat', join(host.mountpoint, `held-${at}`)))
    const ended = Promise.allSettled(programs)
    await host.until(
      () => host.call<number>('heldCount'),
      (held) => held === 2,
    )
    expect(await host.call('answerHeldTogether')).toEqual([2, null, 2, 2, null, 2])
    expect((await ended).map((end) => end.status === 'rejected' && String(end.reason))).toEqual([
      expect.stringContaining('No such file'),
      expect.stringContaining('No such file'),
    ])
  })

  it.each([
    ['is shorter than a header', 8, 16, null],
    ['is longer than what is sent', 17, 16, null],
    ['is cut', 16, 15, null],
    ['ends behind the buffer', 24, 24, null],
    ['ends before its body does', 20, 16, 8],
    ['ends behind its body', 28, 16, 8],
    ['has an empty body', 16, 16, 0],
  ])('does not send a message that %s', async (_what, says, given, body) => {
    await using host = await NativeHost.start()
    await host.mount()
    await expect(host.call('replyCarelessly', says, given, body)).rejects.toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
    })
  })

  it('answers many callers at once, each with what it asked for', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    const answered = await host.script(
      `
        const call = async (at) => {
          if (at % 2 === 0) return (await fs.promises.stat(mountpoint + '/file')).size === 1048576
          const file = await fs.promises.open(mountpoint + '/file', fs.constants.O_RDONLY | fs.constants.O_DIRECT)
          const { bytesRead, buffer } = await file.read(Buffer.alloc(4096), 0, 4096, at * 4096)
          await file.close()
          return bytesRead === 4096 && buffer.toString('latin1').includes('null null')
        }
        const rounds = async (at) => { for (let i = 0; i < 100; i += 1) if (!(await call(at))) throw new Error('another answer') }
        Promise.all(Array.from({ length: 16 }, (_, at) => rounds(at))).then(() => process.stdout.write('all'))
      `,
      16,
    )
    expect(answered).toBe('all')
    expect(await host.call('replyErrors')).toEqual([])
  })

  it('reads and writes whole megabytes in one request', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    const file = join(host.mountpoint, 'file')
    expect((await host.run('dd', `if=${file}`, 'bs=1M', 'iflag=direct', 'status=none')).length).toBe(1 << 20)
    expect(await host.call('takeCounts', 'read')).toEqual([1])
    const sink = join(host.mountpoint, 'sink')
    await host.run(
      'dd',
      'if=/dev/zero',
      `of=${sink}`,
      'bs=1M',
      'count=3',
      'oflag=direct',
      'conv=notrunc',
      'status=none',
    )
    expect(await host.call('takeCounts', 'write')).toEqual([3])
    expect(await host.call('written')).toBe(3 << 20)
  })

  it('answers reads from a file of its own, and with EIO when that file is too short', async () => {
    await using host = await NativeHost.start()
    await using backing = await backingFile()
    await host.mount({ backing: backing.path })
    const file = join(host.mountpoint, 'backed')
    const head = () => host.run('dd', `if=${file}`, 'bs=512k', 'count=1', 'iflag=direct', 'status=none')
    // Takes the file out of the kernel's cache: it has to be on the disk for that.
    await host.run(
      'dd',
      `of=${backing.path}`,
      'oflag=nocache',
      'conv=notrunc,fdatasync',
      'count=0',
      'status=none',
    )
    expect(await head()).toBe(Buffer.alloc(524_288, 'backed ').toString())
    expect(await host.call('takeCachedReads')).toEqual([backing.isOnExt4 ? eagain : expect.any(Number)])
    expect(await head()).toBe(Buffer.alloc(524_288, 'backed ').toString())
    expect(await host.call('takeCachedReads')).toEqual([0])
    await expect(host.run('dd', `if=${file}`, 'bs=1M', 'iflag=direct', 'status=none')).rejects.toThrow(
      'Input/output error',
    )
  })

  it('takes the device from fusermount3', async () => {
    await using host = await NativeHost.start()
    await host.call('mountThroughHelper', { mountpoint: host.mountpoint })
    expect(await host.run('stat', '-c', '%s', join(host.mountpoint, 'file'))).toBe('1048576\n')
    await host.run('fusermount3', '-u', '-z', host.mountpoint)
    expect(await host.call('ended')).toBe(19)
  })

  it('needs no rights for that', async ({ skip }) => {
    const obstacle = namespaceUnavailable()
    if (obstacle !== undefined) skip(obstacle)
    await using host = await NativeHost.startAsOrdinaryUser()
    await expect(host.mount()).rejects.toMatchObject({ code: 'EPERM', syscall: 'mount' })
    await host.call('mountThroughHelper', { mountpoint: host.mountpoint })
    await host.call('notify', 'invalInode', 2, -1, 0)
    expect(await host.run('stat', '-c', '%s', join(host.mountpoint, 'file'))).toBe('1048576\n')
    await host.run('fusermount3', '-u', '-z', host.mountpoint)
    expect(await host.call('ended')).toBe(19)
    expect(await host.end()).toEqual({ status: 0, signal: null })
  })

  it('answers open files after a lazy unmount, and ends with ENODEV at the last close', async () => {
    await using host = await NativeHost.start()
    await host.mount()
    await host.script(`
      const fd = fs.openSync(mountpoint + '/file')
      require('node:child_process').spawnSync('umount', ['-l', mountpoint])
      if (fs.existsSync(mountpoint + '/file')) throw new Error('still mounted')
      const bytes = Buffer.alloc(4)
      fs.readSync(fd, bytes, 0, 4, 0)
      if (bytes.toString() !== 'null') throw new Error('read ' + bytes)
      fs.closeSync(fd)
    `)
    expect(await host.call('ended')).toBe(19)
    await host.call('close')
    expect(await host.call('answerAfterClose')).toEqual([19])
    await expect(host.call('notify', 'invalInode', 2, 0, 0)).rejects.toMatchObject({
      code: 'ENODEV',
      errno: -19,
    })
    expect(await host.end()).toEqual({ status: 0, signal: null })
  })

  it('says like Node what the kernel refused', async () => {
    await using host = await NativeHost.start()
    await expect(host.mount({ mountpoint: join(host.mountpoint, 'absent') })).rejects.toMatchObject({
      code: 'ENOENT',
      errno: -2,
      syscall: 'mount',
      message: 'ENOENT: no such file or directory, mount',
    })
    await expect(host.mount({ extra: 'x'.repeat(5000) })).rejects.toMatchObject({ code: 'EINVAL' })
    await expect(host.mount({ mountpoint: 5 })).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    await expect(host.mount({ mountpoint: '/a\0b' })).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
  })
})
