import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'
import { RunningProgram } from './running-program.ts'

/** Prints a line once it watches a folder, and one for each change that it is told of. */
const watch = `
require('node:fs').watch(process.argv[1], (event, name) => console.log(event, name))
console.log('watching')
`

await describeMounts('what this machine and others hear of each other', [], (driver) => {
  let place: Workplace
  let mount: Mount

  afterEach(() => place?.close())

  it('who watches a folder is told of changes through the mount only [E6]', async () => {
    place = await Workplace.open({ driver })
    await place.server.admin.write('/d/theirs', 'old')
    mount = await place.mount({ args: ['-o', 'metadata-ttl=0,revalidate=0,entry-ttl=0,attr-ttl=0'] })
    await readdir(place.at('d'))
    const watcher = new RunningProgram(process.execPath, ['-e', watch, place.at('d')])
    await watcher.printed(1)
    await place.server.admin.write('/d/theirs', 'newer')
    await place.server.admin.write('/d/more', 'more')
    expect((await readdir(place.at('d'))).sort()).toEqual(['more', 'theirs'])
    expect(await readFile(place.at('d/theirs'), 'utf8')).toBe('newer')
    await writeFile(place.at('d/ours'), 'ours')
    await watcher.printed(2)
    watcher.kill('SIGTERM')
    await watcher.ended()
    expect(watcher.lines.filter((line) => !line.endsWith(' ours'))).toEqual(['watching'])
  })

  it.each([
    ['goes to the trash', [], ['d', 'f']],
    ['is gone with --delete=permanent', ['--delete=permanent'], []],
  ])('what is deleted here %s [D1][D2]', async (_, args, trash) => {
    place = await Workplace.open({ driver })
    await place.server.admin.write('/d/inside', 'x')
    await place.server.admin.write('/f', 'x')
    mount = await place.mount({ args })
    await rm(place.at('d'), { recursive: true })
    await rm(place.at('f'))
    await mount.unmount()
    expect(await place.drive.list('')).toEqual([])
    expect(place.server.admin.trash().map((uri) => basename(uri))).toEqual(trash)
  })
})
