import { mkdir, open, rename, unlink, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { expectedOf } from '../conformance/driver-differences.ts'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'

/** Nothing is due by itself as long as a case takes. */
const late = ['--quiet-time', '1h']

await describeMounts('what programs wait for', ['dd'], (driver) => {
  let place: Workplace
  let mount: Mount | undefined

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    await place.server.admin.write('/folder/old', 'old')
  })
  afterEach(async () => {
    await mount?.unmount()
    mount = undefined
  })
  afterAll(() => place?.close())

  const onServer = async (path: string) => (await place.drive.bytes(path)).toString()

  it('--sync=fsync: fsync ends when the server has the file', async () => {
    mount = await place.mount({ args: ['--sync', 'fsync', ...late] })
    await run('dd', ['if=/dev/zero', `of=${place.at('zeros')}`, 'bs=64k', 'count=4', 'conv=fsync'])
    expect((await onServer('zeros')).length).toBe(256 * 1024)
  })

  it('closing a file whose upload was given up says so, or nothing [V6]', async () => {
    mount = await place.mount()
    place.server.faults.add({ route: 'PUT /file/content', kind: 'code', code: 40050 })
    await writeFile(place.at('folder/refused'), 'x')
    await vi.waitFor(async () =>
      expect((await mount!.status())['uploads']).toMatchObject([{ state: 'parked' }]),
    )
    const file = await open(place.at('folder/refused'), 'r+')
    const closed = await file.close().then(
      () => 'closed',
      (error: NodeJS.ErrnoException) => error.code,
    )
    expect(closed).toBe(expectedOf(driver, 'closeIsHeard') ? 'EINVAL' : 'closed')
    expect(await place.cli(['pending', 'retry', '--all'])).toMatchObject({ exitCode: 0 })
    await mount.settle()
    await unlink(place.at('folder/refused'))
  })

  if (!expectedOf(driver, 'closeIsHeard')) {
    it('--sync=close is refused, with what helps [V6]', async () => {
      const { exitCode, stderr } = await place.cli([place.mountpoint, '--sync', 'close'])
      expect(exitCode).toBe(2)
      expect(stderr).toContain('--sync=fsync')
    })
    return
  }

  it('--sync=close: what a program has closed, renamed or deleted is so at the server', async () => {
    mount = await place.mount({ args: ['--sync', 'close', ...late] })
    await writeFile(place.at('folder/new'), 'hello')
    expect(await onServer('folder/new')).toBe('hello')
    await rename(place.at('folder/new'), place.at('folder/newer'))
    expect(await onServer('folder/newer')).toBe('hello')
    await mkdir(place.at('folder/inside'))
    const held = await open(place.at('folder/old'))
    await unlink(place.at('folder/old'))
    const entries = await place.drive.list('folder')
    expect(entries.map(({ name }) => name).sort()).toEqual(['inside', 'newer'])
    expect(await held.readFile('utf8')).toBe('old')
    await held.close()
  })
})
