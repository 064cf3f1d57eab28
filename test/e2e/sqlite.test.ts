import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'

await describeMounts('sqlite3 in the mount', ['sqlite3'], (driver) => {
  let place: Workplace
  let mount: Mount

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    mount = await place.mount()
  })
  afterAll(() => place?.close())

  it('creates a database, fills it in transactions, and queries it', async () => {
    const database = place.at('app.db')
    const rows = Array.from({ length: 500 }, (_, i) => `INSERT INTO t VALUES (${i}, 'row ${i}');`)
    await run('sqlite3', [database], {
      input: ['CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT);', 'BEGIN;', ...rows, 'COMMIT;'].join('\n'),
    })
    await run('sqlite3', [
      database,
      "UPDATE t SET s = 'changed' WHERE n % 7 = 0; DELETE FROM t WHERE n > 450;",
    ])
    expect(await run('sqlite3', [database, 'SELECT count(*) FROM t;'])).toBe('451\n')
    expect(await run('sqlite3', [database, "SELECT count(*) FROM t WHERE s = 'changed';"])).toBe('65\n')
    expect(await run('sqlite3', [database, 'PRAGMA integrity_check;'])).toBe('ok\n')
  })

  it('the server holds a whole database, and no journal', async () => {
    await mount.settle()
    expect((await place.drive.list('')).map(({ name }) => name)).toEqual(['app.db'])
    const copy = join(place.scratch, 'copy.db')
    await writeFile(copy, await place.drive.bytes('app.db'))
    expect(await run('sqlite3', [copy, 'PRAGMA integrity_check; SELECT count(*) FROM t;'])).toBe('ok\n451\n')
  })

  it('a remount shows the same rows', async () => {
    await mount.unmount()
    mount = await place.mount()
    expect(await run('sqlite3', [place.at('app.db'), 'SELECT s FROM t WHERE n = 8;'])).toBe('row 8\n')
  })
})
