import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { reportError } from '../../../src/cli/errors.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import type { RunningMount } from '../../../src/mount/spec.ts'
import { silentLog } from '../../../src/base/log.ts'
import { Mirror } from '../../../src/core/index.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'
import { remoteFolder } from '../../fakes/remote-entry.ts'
import { FakeCli } from '../../fakes/cli-context.ts'
import { patternBytes } from '../../fakes/content-remote.ts'
import { DiskCaching } from '../../fakes/disk-caching.ts'

const KIB = 1024
const running: RunningMount = {
  pid: 42,
  mountpoint: '/home/ann/cloud',
  account: 'ann@example.com at cloud.example.com',
  state: 'mounted',
  socketPath: '/run/x.sock',
  startedAt: 0,
}

let cli: FakeCli
let home: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'cache-command-'))
  cli = new FakeCli()
  cli.home = home
})
afterEach(() => rm(home, { recursive: true, force: true }))

const folderOf = (user: string) => join(home, '.cache/cloudreve-mount', 'cloud.example.com', user, 'content')

/** What a mount of `user` leaves that has read two files. */
async function keep(user: string): Promise<void> {
  const caching = await DiskCaching.open({ folder: folderOf(user) })
  await caching.readThrough(caching.remote.add('a', patternBytes(300 * KIB)))
  await caching.readThrough(caching.remote.add('b', patternBytes(10)))
  await caching.cache.close()
}

/** What a mount of `user` leaves that has listed a folder. */
async function know(user: string): Promise<void> {
  const folder = join(folderOf(user), '../mirror/my')
  const mirror = await Mirror.open({ folder, maxObjects: 10, clock: new ManualClock(), log: silentLog })
  mirror.setTop(remoteFolder())
  await mirror.close()
}

async function segmentsOf(user: string): Promise<string[]> {
  const names = await readdir(folderOf(user), { recursive: true })
  return names.filter((name) => name.includes('.')).sort()
}

async function run(...words: string[]): Promise<number> {
  try {
    await buildProgram(cli.context).parseAsync(['node', 'cloudreve-mount', 'cache', ...words])
    return 0
  } catch (error) {
    return reportError(cli.context.io, error, false)
  }
}

describe('cache', () => {
  it('says so when nothing is kept', async () => {
    await run()
    await run('--json')
    expect(cli.out).toEqual(['nothing is kept on this machine', '[]'])
  })

  it('shows what each account has, mounted or not', async () => {
    await keep('u1')
    await keep('u2')
    await know('u2')
    cli.running = [running]
    cli.answers['cache'] = { folder: folderOf('u2'), usedBytes: 1, limitBytes: 2 ** 30, mirrorBytes: 1 }
    expect(await run()).toBe(0)
    expect(cli.out).toEqual([
      expect.stringMatching(/^account +size +limit +files +names$/i),
      expect.stringMatching(/^cloud\.example\.com\/u1 +312.0 KiB +not mounted +2 +0 B$/),
      expect.stringMatching(/^cloud\.example\.com\/u2 +312.0 KiB +1.0 GiB +2 +[1-9][0-9.]* KiB$/),
    ])
    cli.out.length = 0
    await run('--json')
    expect(JSON.parse(cli.out.join(''))).toMatchObject([
      { account: 'cloud.example.com/u1', usedBytes: 312 * KIB, contents: 2, limitBytes: null },
      { account: 'cloud.example.com/u2', limitBytes: 2 ** 30 },
    ])
  })

  it('shows the others when a mount does not answer', async () => {
    await keep('u1')
    cli.running = [running]
    expect(await run()).toBe(0)
    expect(cli.err).toEqual(['/home/ann/cloud does not answer: the mount on /home/ann/cloud is gone'])
    expect(cli.out).toHaveLength(2)
  })
})

describe('cache verify', () => {
  it('reads everything, and removes what is damaged', async () => {
    await keep('u1')
    expect(await run('verify')).toBe(0)
    expect(cli.out).toEqual(['cloud.example.com/u1: 300.0 KiB in 2 files read, all sound'])
    cli.out.length = 0
    const [first, second] = await segmentsOf('u1')
    const file = join(folderOf('u1'), first!)
    await writeFile(file, 'garbage')
    await utimes(file, 0, 0)
    expect(await run('verify')).not.toBe(0)
    expect(cli.out).toEqual([expect.stringMatching(/ read, 1 file damaged and removed$/)])
    expect(await segmentsOf('u1')).toEqual([second])
  })

  it('leaves alone what is being written', async () => {
    await keep('u1')
    const [first] = await segmentsOf('u1')
    const file = join(folderOf('u1'), first!)
    await writeFile(file, Buffer.alloc(8192))
    const nowS = cli.context.io.now() / 1000
    await utimes(file, nowS, nowS)
    expect(await run('verify')).toBe(0)
    expect(await segmentsOf('u1')).toHaveLength(2)
  })
})

describe('cache clear', () => {
  it('empties what no mount uses, and asks those that run', async () => {
    await keep('u1')
    await know('u1')
    await keep('u2')
    await know('u2')
    cli.running = [running, { ...running, mountpoint: '/home/ann/shared' }]
    cli.answers['cache'] = { folder: folderOf('u2'), usedBytes: 1, limitBytes: 2, mirrorBytes: 1 }
    cli.answers['clearCache'] = { bytes: 1 }
    expect(await run('clear')).toBe(0)
    expect(await segmentsOf('u1')).toEqual([])
    await expect(readdir(join(folderOf('u1'), '../mirror'))).rejects.toThrow('ENOENT')
    expect(await segmentsOf('u2')).toHaveLength(2)
    expect(await readdir(join(folderOf('u2'), '../mirror/my'))).toHaveLength(1)
    const asked = ['/home/ann/cloud', '/home/ann/shared'].map((mountpoint) => ({
      mountpoint,
      method: 'clearCache',
      params: null,
    }))
    expect(cli.asked.slice(-2)).toEqual(asked)
  })

  it('of a path asks its mount', async () => {
    cli.answers['clearCache'] = { bytes: 300 * KIB }
    expect(await run('clear', '/home/ann/cloud/a.bin')).toBe(0)
    expect(cli.err).toEqual(['300.0 KiB of /home/ann/cloud/a.bin removed from the cache'])
  })
})
