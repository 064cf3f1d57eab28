import { chmod, copyFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'

await describeMounts('programs on a mount', ['sh', 'sort'], (driver) => {
  let place: Workplace
  let mount: Mount

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    mount = await place.mount()
    await writeFile(place.at('script'), '#!/bin/sh\necho "$0 says $1"\n')
    await copyFile('/usr/bin/sort', place.at('sort'))
    for (const name of ['script', 'sort']) await chmod(place.at(name), 0o755)
  })
  afterAll(() => place?.close())

  // By way of a shell: Node waits synchronously until a program has begun, and the server is in this process.
  const start = (name: string, argument: string, input = '') =>
    run('sh', ['-c', 'exec "$0" "$1"', place.at(name), argument], { input })

  async function expectBothRun(): Promise<void> {
    expect(await start('script', 'hello')).toBe(`${place.at('script')} says hello\n`)
    expect(await start('sort', '-r', 'a\nc\nb\n')).toBe('c\nb\na\n')
  }

  it('run, a script and a binary, as soon as they are written', () => expectBothRun())

  it('run by another mount, whose kernel knows nothing of them, from the cache and from the server', async () => {
    await mount.unmount()
    mount = await place.mount()
    await expectBothRun()
    await mount.unmount()
    expect((await place.cli(['cache', 'clear'])).exitCode).toBe(0)
    mount = await place.mount({ stateHome: `${place.scratch}/another-machine` })
    await expectBothRun()
  })
})
