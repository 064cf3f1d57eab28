import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { driverDifferences, expectedOf } from '../conformance/driver-differences.ts'
import { runToEnd } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace } from './harness.ts'

/** Long enough that nothing but a notification makes a kernel ask again; a driver without them trusts for a second. */
const trusting = ['-o', 'attr-ttl=1h,entry-ttl=1h,negative-ttl=1h']
/** The other kernel is told behind the answer to who made the change. */
const soon = { timeout: 5_000, interval: 5 }

/** 0 when a program could lock the file of that name, 1 when another one has. */
async function lockIn(folder: string): Promise<number> {
  return (await runToEnd('flock', ['-n', join(folder, 'locked'), 'true'])).exitCode
}

await describeMounts('two mounts of one drive', ['flock'], (driver) => {
  let place: Workplace
  /** The same folder by way of both mounts. */
  let here: string
  let there: string
  let run = 0

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    const args = driver === 'native' ? trusting : []
    await place.mount({ args })
    await mkdir(place.at('shared'))
    const second = join(place.scratch, 'second')
    await mkdir(second)
    const { exitCode, stderr } = await place.cli([second, '--root=cloudreve://my/shared', ...args])
    expect(stderr).toBe('')
    expect(exitCode).toBe(0)
  })

  beforeEach(async () => {
    run += 1
    await mkdir(join(place.at('shared'), `${run}`))
    here = join(place.at('shared'), `${run}`)
    there = join(place.scratch, 'second', `${run}`)
    await vi.waitFor(async () => expect(await readdir(there)).toEqual([]), soon)
  })

  afterAll(() => place?.close())

  it('show new bytes of the same length and time, also to who has the file open [K5][V8]', async ({
    skip,
  }) => {
    if (!expectedOf(driver, 'openHandlesFollow')) skip(driverDifferences.openHandlesFollow.reason)
    await writeFile(join(here, 'a'), 'one')
    const { mtime } = await stat(join(here, 'a'))
    await vi.waitFor(async () => expect(await readFile(join(there, 'a'), 'utf8')).toBe('one'), soon)
    await using reader = await open(join(there, 'a'))
    const seen = async () => (await reader.read(Buffer.alloc(9), 0, 9, 0)).buffer.toString('utf8', 0, 3)
    expect(await seen()).toBe('one')
    await writeFile(join(here, 'a'), 'two')
    await utimes(join(here, 'a'), mtime, mtime)
    await vi.waitFor(async () => expect(await seen()).toBe('two'), soon)
    expect(await readFile(join(there, 'a'), 'utf8')).toBe('two')
  })

  it('show how long a file has become [M1][K3]', async () => {
    await writeFile(join(there, 'log'), 'x')
    await vi.waitFor(async () => expect((await stat(join(here, 'log'))).size).toBe(1), soon)
    await writeFile(join(there, 'log'), 'xyz', { flag: 'a' })
    await vi.waitFor(async () => expect((await stat(join(here, 'log'))).size).toBe(4), soon)
    await writeFile(join(here, 'log'), '')
    await vi.waitFor(async () => expect((await stat(join(there, 'log'))).size).toBe(0), soon)
  })

  it('show names that come, change and go [M1]', async () => {
    const isThere = (name: string) =>
      stat(join(there, name)).then(
        () => true,
        () => false,
      )
    expect(await isThere('b')).toBe(false)
    expect(await readdir(there)).toEqual([])
    await writeFile(join(here, 'b'), '')
    await vi.waitFor(async () => expect(await isThere('b')).toBe(true), soon)
    expect(await readdir(there)).toEqual(['b'])
    expect(await isThere('c')).toBe(false)
    await rename(join(here, 'b'), join(here, 'c'))
    await vi.waitFor(
      async () => expect([await isThere('b'), await isThere('c')]).toEqual([false, true]),
      soon,
    )
    expect(await readdir(there)).toEqual(['c'])
    await rm(join(there, 'c'))
    await vi.waitFor(async () => expect(await readdir(here)).toEqual([]), soon)
    await vi.waitFor(
      async () => expect(stat(join(here, 'c'))).rejects.toMatchObject({ code: 'ENOENT' }),
      soon,
    )
  })

  it('do not show each other`s locks [A17]', async () => {
    await writeFile(join(here, 'locked'), '')
    await vi.waitFor(async () => expect(await readdir(there)).toEqual(['locked']), soon)
    const holder = spawn('flock', [join(here, 'locked'), 'sh', '-c', 'echo locked; read line'])
    await once(holder.stdout, 'data')
    expect([await lockIn(here), await lockIn(there)]).toEqual([1, 0])
    holder.stdin.end('\n')
    await once(holder, 'exit')
  })

  it('show which of two files a name stands for [K1]', async () => {
    await writeFile(join(here, 'report'), 'old')
    await writeFile(join(here, 'draft'), 'new')
    await vi.waitFor(async () => expect(await readFile(join(there, 'report'), 'utf8')).toBe('old'), soon)
    await rename(join(here, 'draft'), join(here, 'report'))
    await vi.waitFor(async () => expect(await readFile(join(there, 'report'), 'utf8')).toBe('new'), soon)
    await vi.waitFor(async () => expect(await readdir(there)).toEqual(['report']), soon)
  })
})
