import { open, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'

await describeMounts('saves of editors', ['vim'], (driver) => {
  let place: Workplace
  let mount: Mount

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    await place.drive.put('report.odt', 'first')
    mount = await place.mount()
  })
  afterAll(() => place?.close())

  /** One save must be one new version of the same file, with nothing beside it, for one request that writes. */
  async function saves(content: string, save: (path: string) => Promise<void>): Promise<void> {
    await readFile(place.at('report.odt'))
    const before = await place.drive.info('report.odt')
    const mark = place.mark()
    await save(place.at('report.odt'))
    expect(await readFile(place.at('report.odt'), 'utf8')).toBe(content)
    await mount.settle()
    const counts = mark.counts()
    expect(counts['PUT /file/content'], JSON.stringify(counts)).toBe(1)
    for (const route of ['POST /file/rename', 'POST /file/move', 'DELETE /file', 'POST /file/create']) {
      expect(counts[route], route).toBeUndefined()
    }
    const after = await place.drive.info('report.odt')
    expect(after.id).toBe(before.id)
    expect(after.versions).toBe(before.versions + 1)
    expect((await place.drive.bytes('report.odt')).toString()).toBe(content)
    expect(await readdir(place.mountpoint)).toEqual(['report.odt'])
    expect((await place.drive.list('')).map(({ name }) => name)).toEqual(['report.odt'])
  }

  it('as vim does it: rename away, create, unlink the backup', () =>
    saves('as vim', async (path) => {
      await rename(path, `${path}~`)
      const file = await open(path, 'wx')
      await file.write('as vim')
      await file.sync()
      await file.close()
      await unlink(`${path}~`)
    }))

  it('as LibreOffice does it: a temporary file, renamed over', () =>
    saves('as LibreOffice', async (path) => {
      const temporary = place.at('lu4711abc.tmp')
      await writeFile(temporary, 'as LibreOffice')
      await rename(temporary, path)
    }))

  it('in place', () => saves('in place', (path) => writeFile(path, 'in place')))

  it('vim itself, with backup and swap file', async () => {
    const ex = [
      '-Es',
      '-u',
      'NONE',
      '-c',
      'set backup writebackup backupcopy=no backupskip=',
      '-c',
      '%s/.*/from vim/',
      '-c',
      'wq',
    ]
    await saves('from vim\n', async (path) => {
      await run('vim', [...ex, path])
      await unlink(`${path}~`)
    })
  })
})
