import { readdir, rename } from 'node:fs/promises'
import { afterEach, expect, it } from 'vitest'
import { mountAt, readMounts } from '../../src/fuse/mountinfo.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace } from './harness.ts'

await describeMounts('names that somebody else holds up', [], (driver) => {
  let place: Workplace

  afterEach(() => place?.close())

  it('keep the folder mounted, and umount, flush, pending and status say so [W57]', async () => {
    place = await Workplace.open({ driver })
    await place.drive.put('old.txt', 'text')
    await place.drive.put('other.txt', 'text')
    const mount = await place.mount()
    const { sessionId } = await place.drive.openSession('old.txt', 1_000, { isVersion: true })
    await rename(place.at('old.txt'), place.at('new.txt'))
    await rename(place.at('other.txt'), place.at('moved.txt'))

    const refused = await place.cli(['umount', place.mountpoint])
    expect(refused.exitCode).toBe(3)
    expect(refused.stderr).toContain(
      `1 change in ${place.mountpoint} cannot be sent now, so it stays mounted`,
    )
    expect(mountAt(await readMounts(), place.mountpoint)).toBeDefined()
    expect((await readdir(place.mountpoint)).sort()).toEqual(['moved.txt', 'new.txt'])
    expect((await place.drive.list('')).map(({ name }) => name).sort()).toEqual(['moved.txt', 'old.txt'])

    expect(await place.cli(['flush'])).toMatchObject({ exitCode: 3 })
    const { stdout } = await place.cli(['pending'])
    expect(stdout).toMatch(
      /waiting .*\/new\.txt +rename from .*\/old\.txt +upload holds a lock on it at the server/,
    )
    expect((await place.cli(['status'])).stdout).toContain('uploads   1 change to send')

    await place.drive.cancelSession('old.txt', sessionId)
    expect(await place.cli(['pending', 'retry', '--all'])).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('trying to send 1 change again') as unknown,
    })
    await mount.unmount()
    expect((await place.drive.list('')).map(({ name }) => name).sort()).toEqual(['moved.txt', 'new.txt'])
  })
})
