import { mkdir, open, readFile, readdir, unlink, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { expectBytes, patterned, refused } from '../conformance/suite.ts'
import type { EmbeddedServerOptions } from '../harness/embedded-server.ts'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { contentRoute, Workplace, type Mount } from './harness.ts'

const mebibyte = 1024 * 1024
const big = patterned(3_000_000, 21)

await describeMounts('faults of server, network and disks', ['getfattr'], (driver) => {
  let place: Workplace
  let mount: Mount

  afterEach(() => place?.close())

  async function work(options: EmbeddedServerOptions = {}): Promise<void> {
    place = await Workplace.open({ driver, ...options })
    await place.server.admin.write('/big.bin', big)
    mount = await place.mount()
  }

  function sync(path: string): Promise<string> {
    return run('getfattr', ['--absolute-names', '--only-values', '-n', 'user.cloudreve.sync', place.at(path)])
  }

  it('a server that is gone in the middle of a read: the read waits, then has every byte', async () => {
    await work()
    const file = await open(place.at('big.bin'), 'r')
    const start = Buffer.alloc(4096)
    await file.read(start, 0, 4096, 0)
    await place.server.goOffline()
    const rest = readFile(place.at('big.bin'))
    // A real wait: nothing tells from outside that a read is refused and waits. Longer ones are the unit ring's, by its clock.
    await run('sleep', ['2'])
    await place.server.goOnline()
    expectBytes(await rest, big)
    await file.close()
  })

  it('a server that is gone while files are written: programs go on, everything arrives later [W3][F2]', async () => {
    await work()
    await place.server.goOffline()
    await writeFile(place.at('offline.txt'), 'written offline')
    expect(await readFile(place.at('offline.txt'), 'utf8')).toBe('written offline')
    expect(await sync('offline.txt')).not.toBe('synced')
    await place.server.goOnline()
    await mount.settle()
    expect((await place.drive.bytes('offline.txt')).toString()).toBe('written offline')
    expect(await sync('offline.txt')).toBe('synced')
  })

  it('a server that restarts in the middle of an upload: the file arrives whole, once', async () => {
    await work({ chunkSizeBytes: mebibyte })
    const huge = patterned(12 * mebibyte, 22)
    const chunks = 'POST /file/upload'
    place.server.faults.add({ route: chunks, nth: 4, kind: 'stall' })
    await writeFile(place.at('up.bin'), huge)
    await place.server.faults.untilStalled()
    await place.server.restart('kill')
    place.server.faults.clear()
    await mount.settle()
    expectBytes(await place.drive.bytes('up.bin'), huge)
    expect((await place.drive.list('')).map(({ name }) => name).sort()).toEqual(['big.bin', 'up.bin'])
  })

  it('answers of 500 and 503 are tried again', async () => {
    await work()
    for (const route of ['PUT /file/content', 'GET /file', 'POST /file/url']) {
      place.server.faults.add({ route, times: 2, kind: 'status', status: route === 'GET /file' ? 503 : 500 })
    }
    await writeFile(place.at('f.txt'), 'in spite of it')
    expectBytes(await readFile(place.at('big.bin')), big)
    await mount.settle()
    expect((await place.drive.bytes('f.txt')).toString()).toBe('in spite of it')
  })

  it('downloads that are cut go on at the byte', async () => {
    await work()
    place.server.faults.add({ route: contentRoute, every: 2, times: 3, kind: 'cutAfterBytes', bytes: 40_000 })
    const start = place.server.requests.position
    expectBytes(await readFile(place.at('big.bin')), big)
    const sent = place.server.requests
      .since(start)
      .filter(({ route }) => route === contentRoute)
      .reduce((sum, { bytesOut }) => sum + bytesOut, 0)
    // What was delivered before a cut is not asked for again; the slack is what was on its way.
    expect(sent).toBeLessThan(big.length * 1.1)
  })

  it('an answer that is lost after the work was done: one version, no conflict with ourselves', async () => {
    await work()
    place.server.faults.add({ route: 'PUT /file/content', kind: 'lostAnswer' })
    await writeFile(place.at('lost.txt'), 'only once')
    await mount.settle()
    expect((await place.drive.bytes('lost.txt')).toString()).toBe('only once')
    expect((await place.drive.info('lost.txt')).versions).toBe(1)
    place.server.faults.add({ route: 'PUT /file/content', kind: 'lostAnswer' })
    await writeFile(place.at('lost.txt'), 'and again')
    await mount.settle()
    expect((await place.drive.bytes('lost.txt')).toString()).toBe('and again')
    expect((await place.drive.info('lost.txt')).versions).toBe(2)
    expect((await readdir(place.mountpoint)).sort()).toEqual(['big.bin', 'lost.txt'])
  })

  it('lost answers to changes of the tree do not show', async () => {
    await work()
    for (const route of ['POST /file/rename', 'POST /file/move', 'POST /file/create', 'DELETE /file']) {
      place.server.faults.add({ route, kind: 'lostAnswer' })
    }
    await mkdir(place.at('d'))
    await run('mv', [place.at('big.bin'), place.at('d/renamed.bin')])
    await mkdir(place.at('empty'))
    await mount.settle()
    await run('rm', ['-r', place.at('empty')])
    await mount.settle()
    expect((await place.drive.list('')).map(({ name }) => name)).toEqual(['d'])
    expectBytes(await place.drive.bytes('d/renamed.bin'), big)
  })

  it('an access token that expires in the middle of a read is renewed unseen', async () => {
    await work()
    const file = await open(place.at('big.bin'), 'r')
    expectBytes(await readRange(file, 0, 100_000), big.subarray(0, 100_000))
    place.server.admin.expireAccessTokens()
    place.server.admin.expireUrls()
    expectBytes(await readRange(file, 1_500_000, 1_400_000), big.subarray(1_500_000, 2_900_000))
    await file.close()
    place.server.admin.expireAccessTokens()
    await writeFile(place.at('after.txt'), 'still me')
    await mount.settle()
    expect((await place.drive.bytes('after.txt')).toString()).toBe('still me')
  })

  it('a signed URL that expires in the middle of a read is asked for again', async () => {
    await work()
    const file = await open(place.at('big.bin'), 'r')
    expectBytes(await readRange(file, 0, 64_000), big.subarray(0, 64_000))
    place.server.admin.expireUrls()
    expectBytes(await readRange(file, 2_000_000, 900_000), big.subarray(2_000_000, 2_900_000))
    await file.close()
  })

  it('a full drive is EDQUOT for the writer, and what is there stays [F10]', async () => {
    await work()
    place.server.admin.setQuota(place.server.admin.usedBytes() + 100_000)
    await mount.unmount()
    mount = await place.mount()
    await refused('EDQUOT', writeFile(place.at('too-big.bin'), patterned(400_000)))
    await writeFile(place.at('fits.txt'), 'small')
    expect((await place.drive.list('')).map(({ name }) => name)).toContain('big.bin')
  })

  it('a drive that fills up behind our back: kept here with the reason, new content mends it [F13]', async () => {
    await work()
    const content = patterned(50_000)
    await fillUp(content)
    place.server.admin.setQuota(1024 ** 3)
    await writeFile(place.at('parked.bin'), patterned(50_000, 2))
    await mount.settle()
    expectBytes(await place.drive.bytes('parked.bin'), patterned(50_000, 2))
  })

  it('a drive that has room again gets what it refused, as soon as anybody sees that it has', async () => {
    await work()
    const content = patterned(50_000)
    await fillUp(content)
    place.server.admin.setQuota(1024 ** 3)
    await run('df', [place.mountpoint])
    await mount.settle()
    expectBytes(await place.drive.bytes('parked.bin'), content)
  })

  /** The mount believes that there is room: it finds out at the upload, and keeps the content. */
  async function fillUp(content: Buffer): Promise<void> {
    place.server.admin.setQuota(place.server.admin.usedBytes() + 10)
    await writeFile(place.at('parked.bin'), content)
    // After the refusal it asks how much room there is.
    await place.server.requests.until(
      () => answered('PUT /file/content').includes(40051) && answered('GET /user/capacity').length > 1,
    )
    expectBytes(await readFile(place.at('parked.bin')), content)
    expect(await sync('parked.bin')).toMatch(/the drive is full/)
  }

  it('an upload that is refused for good: a desktop is told [F14]', async () => {
    place = await Workplace.open({ driver })
    const [bin, said] = [join(place.scratch, 'bin'), join(place.scratch, 'said')]
    await mkdir(bin)
    const script = `#!/bin/sh\nprintf '%s\\n' "$@" > ${said}.new && mv ${said}.new ${said}\n`
    await writeFile(join(bin, 'notify-send'), script, { mode: 0o755 })
    const path = `${bin}${delimiter}${process.env['PATH']}`
    mount = await place.mount({ env: { PATH: path, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere' } })
    place.server.faults.add({ route: 'PUT /file/content', kind: 'code', code: 40050 })
    await writeFile(place.at('refused.txt'), 'precious')
    await vi.waitFor(
      async () => expect(await readFile(said, 'utf8')).toContain('/refused.txt is not uploaded'),
      {
        timeout: 30_000,
      },
    )
  })

  it('a database that is stuck: status says that the server must be restarted; then everything arrives [F6][F7]', async () => {
    await work()
    place.server.faults.add({ route: 'PUT /file/content', times: 10_000, kind: 'code', code: 50001 })
    const names = ['a', 'b', 'c', 'd']
    for (const name of names) await writeFile(place.at(name), name)
    await vi.waitFor(
      async () => expect((await place.cli(['status'])).stdout).toMatch(/server .*must be restarted/),
      { timeout: 60_000, interval: 500 },
    )
    place.server.faults.clear()
    await mount.settle()
    for (const name of names) expect((await place.drive.bytes(name)).toString()).toBe(name)
  })

  it('a full local disk is ENOSPC for the writer, and the mount lives on', async () => {
    place = await Workplace.open({ driver })
    const disk = join(place.scratch, 'small-disk')
    await mkdir(disk)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk])
    try {
      mount = await place.mount({ stateHome: disk })
      await refused('ENOSPC', writeFile(place.at('f.bin'), patterned(8_000_000)))
      await unlink(place.at('f.bin'))
      await writeFile(place.at('small.txt'), 'fits again')
      await mount.settle()
      expect((await place.drive.bytes('small.txt')).toString()).toBe('fits again')
    } finally {
      await mount?.endIfRunning()
      // The kernel closes the files of a process a moment after it began to end it.
      await vi.waitFor(() => run('umount', [disk]))
    }
  })

  it('a lock of somebody else is waited for, and the file arrives when it is gone [F9]', async () => {
    place = await Workplace.open({ driver })
    await place.drive.put('locked.txt', 'first')
    mount = await place.mount()
    const unlock = place.server.admin.holdLock('/locked.txt')
    await writeFile(place.at('locked.txt'), 'second')
    await place.server.requests.until(() => answered('PUT /file/content').includes(40073))
    expect(await readFile(place.at('locked.txt'), 'utf8')).toBe('second')
    expect(await sync('locked.txt')).not.toBe('synced')
    unlock()
    await mount.settle()
    expect((await place.drive.bytes('locked.txt')).toString()).toBe('second')
  })

  /** Codes that a route has answered so far. */
  function answered(route: string): readonly (number | undefined)[] {
    return place.server.requests
      .since(0)
      .filter((request) => request.route === route && request.code !== undefined)
      .map(({ code }) => code)
  }
})

async function readRange(
  file: Awaited<ReturnType<typeof open>>,
  offset: number,
  length: number,
): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}
