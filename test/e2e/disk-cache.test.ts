import { mkdir, open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { patterned } from '../conformance/suite.ts'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { contentRoute, Workplace, type Mount } from './harness.ts'

const mebibyte = 1024 * 1024

await describeMounts('what is kept on the local disk', ['getfattr'], (driver) => {
  let place: Workplace
  let mount: Mount

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    await place.server.admin.write('/small.bin', patterned(200_000))
    await place.server.admin.write('/large.bin', patterned(16 * mebibyte))
    mount = await place.mount()
  })
  afterAll(() => place?.close())

  async function remount(): Promise<void> {
    await mount.unmount()
    mount = await place.mount()
    await stat(place.at('large.bin'))
  }

  async function costOf(work: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
    const mark = place.mark()
    await work()
    await mount.settle()
    return mark.counts()
  }

  async function expectBytes(path: string, sizeBytes: number): Promise<void> {
    expect((await readFile(place.at(path))).equals(patterned(sizeBytes))).toBe(true)
  }

  it('is read again without a request, also after the drive was mounted anew [R1]', async () => {
    const first = await costOf(async () => {
      await expectBytes('large.bin', 16 * mebibyte)
      await expectBytes('small.bin', 200_000)
    })
    expect(first[contentRoute]).toBeGreaterThan(1)
    await remount()
    const again = await costOf(async () => {
      await expectBytes('large.bin', 16 * mebibyte)
      const small = await open(place.at('small.bin'), 'r')
      await small.read(Buffer.alloc(4096), 0, 4096, 0)
      await small.close()
    })
    expect(again).toEqual({})
  })

  it('is what was written here, too', async () => {
    await writeFile(place.at('own-small.bin'), patterned(300_000))
    await writeFile(place.at('own-large.bin'), patterned(9 * mebibyte))
    await mount.settle()
    await remount()
    const again = await costOf(async () => {
      await expectBytes('own-small.bin', 300_000)
      await expectBytes('own-large.bin', 9 * mebibyte)
    })
    expect(again).toEqual({})
  })

  it('is shown, verified and cleared', async () => {
    const value = (path: string) =>
      run('getfattr', ['--absolute-names', '--only-values', '-n', 'user.cloudreve.cached', place.at(path)])
    expect(await value('large.bin')).toBe('full')
    const { stdout } = await place.cli(['cache', '--json'])
    expect(JSON.parse(stdout)).toMatchObject([{ contents: 4, limitBytes: expect.any(Number) }])
    expect(await place.cli(['cache', 'verify'])).toMatchObject({ exitCode: 0 })
    expect(await place.cli(['cache', 'clear', place.at('small.bin')])).toMatchObject({ exitCode: 0 })
    expect(await value('small.bin')).toBe('none')
    expect(await value('large.bin')).toBe('full')
  })

  it('survives the death of the process', async () => {
    mount.kill('SIGKILL')
    await mount.gone()
    mount = await place.mount()
    await stat(place.at('large.bin'))
    expect(await costOf(() => expectBytes('large.bin', 16 * mebibyte))).toEqual({})
  })

  it('is gone after it was cleared', async () => {
    expect(await place.cli(['cache', 'clear'])).toMatchObject({ exitCode: 0 })
    const { stdout } = await place.cli(['cache', '--json'])
    expect(JSON.parse(stdout)).toMatchObject([{ contents: 0, usedBytes: 0 }])
    await remount()
    const again = await costOf(() => expectBytes('large.bin', 16 * mebibyte))
    expect(again[contentRoute]).toBeGreaterThan(1)
  })

  it('is brought there by `warm`, before anybody reads it [R10]', async () => {
    expect(await place.cli(['cache', 'clear'])).toMatchObject({ exitCode: 0 })
    const { stdout, exitCode } = await place.cli(['warm', '--json', place.at('large.bin')])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      files: 1,
      bytes: 16 * mebibyte,
      fetchedBytes: 16 * mebibyte,
      leftFiles: 0,
      reason: null,
    })
    await remount()
    expect(await costOf(() => expectBytes('large.bin', 16 * mebibyte))).toEqual({})
    expect(await place.cli(['warm', place.mountpoint])).toMatchObject({ exitCode: 0 })
    expect(await place.cli(['warm', place.at('nothing')])).toMatchObject({ exitCode: 1 })
  })

  it('stays there by `pin` whatever is cleared, and follows what is saved, until `unpin` [R11][R12]', async () => {
    await mkdir(place.at('work'))
    await writeFile(place.at('work/one'), Buffer.alloc(mebibyte, 1))
    expect(await place.cli(['flush', place.mountpoint])).toMatchObject({ exitCode: 0 })
    expect(await place.cli(['pin', place.at('work')])).toMatchObject({ exitCode: 0 })
    const { stdout } = await place.cli(['pin', '--json'])
    expect(JSON.parse(stdout)).toEqual([{ path: place.at('work'), files: 1, bytes: mebibyte, trouble: null }])
    expect(await place.cli(['cache', 'clear'])).toMatchObject({ exitCode: 0 })
    await remount()
    const costs = await costOf(() => readFile(place.at('work/one')))
    expect(costs).not.toHaveProperty(contentRoute)
    expect(costs).not.toHaveProperty('POST /file/url')
    await writeFile(place.at('work/two'), Buffer.alloc(mebibyte, 2))
    const table = async () => (await place.cli(['pin'])).stdout
    await expect.poll(table, { timeout: 30_000 }).toMatch(/work +2 files +2\.0 MiB +all here/)
    expect(await place.cli(['unpin', place.at('work/one')])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`is kept with ${place.at('work')}: unpin that`) as string,
    })
    expect(await place.cli(['unpin', place.at('work')])).toMatchObject({ exitCode: 0 })
    expect((await place.cli(['pin'])).stdout.trim()).toBe('nothing is pinned')
  })

  it('is nobody else’s to read [R4]', async () => {
    expect((await stat(join(place.scratch, 'cache/cloudreve-mount'))).mode & 0o077).toBe(0)
  })
})
