import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Ran } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { Workplace } from './harness.ts'

const PASSWORD = 'hunter2'
/** Nobody is signed in. */
const nobody = { CLOUDREVE_URL: undefined, CLOUDREVE_EMAIL: undefined, CLOUDREVE_PASSWORD: undefined }
const known = { CLOUDREVE_SHARE_PASSWORD: PASSWORD }

const idOf = (link: string) => link.slice(link.lastIndexOf('/') + 1)

await describeMounts('what somebody shares', [], (driver) => {
  let place: Workplace
  let ran: Ran[]

  beforeEach(async () => {
    ran = []
    place = await Workplace.open({ driver })
    await place.drive.put('d/a.txt', 'shared')
    await place.drive.put('d/sub/b.txt', 'deeper')
  })

  afterEach(async () => {
    const logs = join(place.scratch, 'state/cloudreve-mount/logs')
    for (const name of await readdir(logs).catch(() => []))
      expect(await readFile(join(logs, name), 'utf8')).not.toContain(PASSWORD)
    for (const { stdout, stderr } of ran) expect(stdout + stderr).not.toContain(PASSWORD)
    await place.close()
  })

  /** Its link, without the password. */
  async function link(path: string, more: object = {}): Promise<string> {
    const url = (await place.drive.call('PUT', '/share', {
      uri: `cloudreve://my/${path}`,
      ...more,
    })) as string
    return url.replace(`/${PASSWORD}`, '')
  }

  async function cli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    const result = await place.cli(args, { env })
    ran.push(result)
    return result
  }

  it('a visitor reads, without an account, and changes nothing [H1][H2][H3][H5]', async () => {
    const shared = await link('d', { is_private: true, password: PASSWORD })
    const arguments_ = [place.mountpoint, `--root=${shared}`, '-o', 'log-level=debug']
    expect(await cli(arguments_, { ...nobody, ...known })).toMatchObject({ exitCode: 0, stderr: '' })
    const mount = await place.current()
    expect(await readdir(place.mountpoint)).toEqual(['a.txt', 'sub'])
    expect(await readdir(place.at('sub'))).toEqual(['b.txt'])
    expect(await readFile(place.at('sub/b.txt'), 'utf8')).toBe('deeper')
    await expect(writeFile(place.at('a.txt'), 'x')).rejects.toMatchObject({ code: 'EROFS' })
    await expect(writeFile(place.at('new'), 'x')).rejects.toMatchObject({ code: 'EROFS' })
    await expect(rm(place.at('a.txt'))).rejects.toMatchObject({ code: 'EROFS' })
    const { stdout } = await cli(['status'])
    expect(stdout).toContain(`cloudreve://${idOf(shared)}@share (read-only)`)
    expect(stdout).toContain(`a visitor of the share ${idOf(shared)}`)
    expect(stdout).toContain('the server tells guests nothing')
    expect(await readFile(`/proc/${mount.pid}/cmdline`, 'utf8')).not.toContain(PASSWORD)
    const [server] = (await readdir(join(place.scratch, 'state/cloudreve-mount'))).filter(
      (name) => name !== 'logs',
    )
    expect(await readdir(join(place.scratch, 'state/cloudreve-mount', server!))).toEqual([
      `share-${idOf(shared)}`,
    ])
    await mount.unmount()
  })

  it('is mounted beside one’s own drive, by the same process [H1][H2]', async () => {
    const own = await place.mount()
    const second = join(place.scratch, 'second')
    await mkdir(second)
    const shared = await link('d', { is_private: true, password: PASSWORD })
    expect(await cli([second, `--root=${shared}/`], known)).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await readdir(second)).toEqual(['a.txt', 'sub'])
    expect(await readFile(join(second, 'a.txt'), 'utf8')).toBe('shared')
    await writeFile(place.at('mine.txt'), 'mine')
    await own.settle()
    const statuses = JSON.parse((await cli(['status', '--json'])).stdout) as {
      pid: number
      rootUri: string
    }[]
    expect(statuses.map(({ pid, rootUri }) => [pid, rootUri])).toEqual([
      [own.pid, 'cloudreve://my'],
      [own.pid, `cloudreve://${idOf(shared)}@share`],
    ])
    expect((await cli(['umount', second])).exitCode).toBe(0)
  })

  it('that is one file is a folder with that file [H1]', async () => {
    const shared = await link('d/a.txt')
    await place.mount({ args: [`--root=${shared}`], env: nobody })
    expect(await readdir(place.mountpoint)).toEqual(['a.txt'])
    expect(await readFile(place.at('a.txt'), 'utf8')).toBe('shared')
  })

  it('is not mounted with another password, or when it is over: a sentence says which [H2][H4]', async () => {
    const shared = await link('d', { is_private: true, password: PASSWORD })
    const mount = (env: NodeJS.ProcessEnv) =>
      cli([place.mountpoint, `--root=${shared}`], { ...nobody, ...env })
    const missing = await mount({})
    expect([missing.exitCode, missing.stderr]).toEqual([
      4,
      expect.stringContaining('CLOUDREVE_SHARE_PASSWORD'),
    ])
    const wrong = await mount({ CLOUDREVE_SHARE_PASSWORD: 'another' })
    expect([wrong.exitCode, wrong.stderr]).toEqual([4, expect.stringContaining('is another one')])
    await place.drive.call('DELETE', `/share/${idOf(shared)}`)
    const over = await mount(known)
    expect([over.exitCode, over.stderr]).toEqual([1, expect.stringContaining('may have expired')])
  })
})
