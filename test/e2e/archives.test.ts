import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { patterned } from '../conformance/suite.ts'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { expectSameTree, Workplace, type Mount } from './harness.ts'

/** 500 files of several sizes and modes, in folders, with a symlink. */
async function makeTree(folder: string): Promise<void> {
  const modes = [0o644, 0o755, 0o600, 0o640]
  for (let i = 0; i < 500; i += 1) {
    const inside = join(folder, `d${i % 10}`, `e${i % 3}`)
    if (i < 30) await mkdir(inside, { recursive: true })
    const path = join(inside, `file-${i}`)
    await writeFile(path, patterned((i * 37) % 9000, i + 1))
    await chmod(path, modes[i % modes.length]!)
  }
  await symlink('d0/e0/file-0', join(folder, 'link'))
}

await describeMounts('trees of 500 files', ['tar', 'rsync', 'diff', 'find'], (driver) => {
  let place: Workplace
  let mount: Mount
  let source: string

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    source = join(place.scratch, 'source')
    await makeTree(source)
    mount = await place.mount()
  })
  afterAll(() => place?.close())

  it('tar x unpacks them with their modes', async () => {
    const archive = join(place.scratch, 'tree.tar')
    await run('tar', ['cf', archive, '-C', place.scratch, 'source'])
    await mkdir(place.at('unpacked'))
    await run('tar', ['xpf', archive, '-C', place.at('unpacked'), '--no-same-owner', '--touch'])
    await expectSameTree(source, place.at('unpacked/source'))
    await mount.settle()
    expect((await place.drive.bytes('unpacked/source/d3/e1/file-13')).equals(patterned(13 * 37, 14))).toBe(
      true,
    )
  })

  it('they are the same after a remount', async () => {
    await mount.unmount()
    mount = await place.mount()
    await expectSameTree(source, place.at('unpacked/source'))
  })

  it('tar c of the mount gives the same bytes back', async () => {
    const archive = join(place.scratch, 'back.tar')
    const back = join(place.scratch, 'back')
    await mkdir(back)
    await run('tar', ['cf', archive, '-C', place.at('unpacked'), 'source'])
    await run('tar', ['xpf', archive, '-C', back])
    await expectSameTree(source, join(back, 'source'))
  })

  it('rsync -a --checksum copies them, and the second run copies nothing', async () => {
    const sync = (): Promise<string> =>
      run('rsync', ['-a', '--no-times', '--checksum', '--itemize-changes', `${source}/`, place.at('synced')])
    expect((await sync()).split('\n').filter((line) => line.startsWith('>f')).length).toBe(500)
    await expectSameTree(source, place.at('synced'))
    expect(await sync()).toBe('')
    await mount.settle()
    expect(await sync()).toBe('')
    await mount.unmount()
    mount = await place.mount()
    expect(await sync()).toBe('')
  })

  it('rsync -a --checksum with times transfers no content a second time, whatever the driver knows of times', async () => {
    const sync = (): Promise<string> =>
      run('rsync', ['-a', '--checksum', '--itemize-changes', `${source}/`, place.at('timed')])
    await sync()
    await mount.settle()
    const mark = place.mark()
    const second = await sync()
    expect(second.split('\n').filter((line) => line.startsWith('>f'))).toEqual([])
    await mount.settle()
    const counts = mark.counts()
    expect(counts['PUT /file/content'], JSON.stringify(counts)).toBeUndefined()
    expect(counts['PUT /file/upload'], JSON.stringify(counts)).toBeUndefined()
  })

  it('rm -r of everything leaves the drive empty', async () => {
    await run('rm', ['-r', place.at('unpacked'), place.at('synced'), place.at('timed')])
    await mount.settle()
    expect(await place.drive.list('')).toEqual([])
  })
})
