import { readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runToEnd } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { commandLine, Workplace, type Mount } from './harness.ts'

/** A stored account: nobody has to sign in anew. */
const env = { CLOUDREVE_URL: undefined, CLOUDREVE_EMAIL: undefined, CLOUDREVE_PASSWORD: undefined }

await describeMounts('without a network', [], (driver) => {
  let place: Workplace
  let mount: Mount | undefined

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    for (const name of ['one', 'two', 'three']) await place.server.admin.write(`/docs/${name}`, name)
    await place.server.admin.write('/other/four', 'four')
    const { url, email, password } = place.server
    const words = ['login', '--email', email, '--password-stdin', url]
    const signedIn = await runToEnd(process.execPath, [commandLine, ...words], {
      env: place.environment(),
      input: password,
    })
    expect(signedIn).toMatchObject({ exitCode: 0 })
  })
  afterAll(() => place?.close())

  it('a drive that was mounted before is mounted, shows what was known, and what is changed is sent later [F20]', async () => {
    mount = await place.mount({ env })
    expect((await readdir(place.at('docs'))).sort()).toEqual(['one', 'three', 'two'])
    expect(await readFile(place.at('docs/one'), 'utf8')).toBe('one')
    await mount.settle()
    await mount.unmount()
    await place.server.goOffline()

    const { exitCode, stderr } = await place.cli([place.mountpoint], { env })
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
    expect(stderr).toContain('cannot be reached: folders are shown as they were known')
    mount = await place.current()
    expect((await readdir(place.at('docs'))).sort()).toEqual(['one', 'three', 'two'])
    expect(await readFile(place.at('docs/one'), 'utf8')).toBe('one')
    await writeFile(place.at('docs/new'), 'new')
    await rename(place.at('docs/three'), place.at('docs/drei'))
    await unlink(place.at('docs/two'))
    expect((await readdir(place.at('docs'))).sort()).toEqual(['drei', 'new', 'one'])
    expect((await mount.status())['serverTrouble']).toEqual(expect.any(String))

    await place.server.goOnline()
    await mount.settle()
    expect((await place.drive.list('/docs')).map(({ name }) => name).sort()).toEqual(['drei', 'new', 'one'])
    expect((await readdir(place.at('other'))).sort()).toEqual(['four'])
    await mount.unmount()
  })
})
