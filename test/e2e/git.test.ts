import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace, type Mount } from './harness.ts'

const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', '-c', 'safe.directory=*']

await describeMounts('git in the mount', ['git'], (driver) => {
  let place: Workplace
  let mount: Mount
  let source: string

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    source = join(place.scratch, 'source')
    await mkdir(join(source, 'src'), { recursive: true })
    await run('git', ['init', '-q', '-b', 'main', source])
    for (let i = 0; i < 30; i += 1) {
      await writeFile(join(source, 'src', `file-${i}.txt`), `content ${i}\n`.repeat(i * 20 + 1))
      if (i % 10 !== 9) continue
      await run('git', ['-C', source, 'add', '-A'])
      await run('git', ['-C', source, ...identity, 'commit', '-q', '-m', `change ${i}`])
    }
    mount = await place.mount()
  })
  afterAll(() => place?.close())

  it('clones a local repository, whose fsck finds nothing wrong', async () => {
    await run('git', [...identity, 'clone', '-q', '--no-hardlinks', source, place.at('clone')])
    await run('git', [...identity, '-C', place.at('clone'), 'fsck', '--full', '--strict'])
    expect(await run('git', [...identity, '-C', place.at('clone'), 'status', '--porcelain'])).toBe('')
  })

  it('commits, branches, packs and stays whole', async () => {
    const git = (...args: string[]): Promise<string> =>
      run('git', [...identity, '-C', place.at('clone'), ...args])
    await git('checkout', '-q', '-b', 'topic')
    await writeFile(place.at('clone/new.txt'), 'new\n')
    await git('add', '-A')
    await git('commit', '-q', '-m', 'a commit in the mount')
    await git('gc', '-q')
    await git('fsck', '--full', '--strict')
    expect(await git('log', '--format=%s', '-1')).toBe('a commit in the mount\n')
  })

  it('the repository is the same after a remount', async () => {
    const head = await run('git', [...identity, '-C', place.at('clone'), 'rev-parse', 'HEAD'])
    await mount.unmount()
    mount = await place.mount()
    expect(await run('git', [...identity, '-C', place.at('clone'), 'rev-parse', 'HEAD'])).toBe(head)
    await run('git', [...identity, '-C', place.at('clone'), 'fsck', '--full', '--strict'])
    expect(await run('git', [...identity, '-C', place.at('clone'), 'status', '--porcelain'])).toBe('')
  })
})
