import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { accountHash } from '../../../src/mount/account-lock.ts'
import { claimAccount, listRunning, type AccountClaim } from '../../../src/mount/registry.ts'
import { defaultRuntimeFolder } from '../../../src/mount/runtime-folder.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'

let parent: string
let folder: string
const clock = new ManualClock()
const claims: AccountClaim[] = []

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'registry-'))
  folder = join(parent, 'run')
})

afterEach(async () => {
  for (const claim of claims.splice(0)) await claim.release()
  await rm(parent, { recursive: true })
})

async function claim(accountId: string, mountpoint: string, onWaiting?: (sentence: string) => void) {
  const account = `${accountId}@example.com`
  const request = { runtimeFolder: folder, accountId, account, mountpoint, clock }
  const claimed = await claimAccount(onWaiting ? { ...request, onWaiting } : request)
  claims.push(claimed)
  return claimed
}

it('shows who serves what, in which state', async () => {
  const anna = await claim('anna', '/home/anna/cloud')
  await claim('bob', '/home/bob/cloud')
  await anna.setState('mounted')
  const running = await listRunning(folder)
  expect(Object.fromEntries(running.map(({ mountpoint, state }) => [mountpoint, state]))).toEqual({
    '/home/anna/cloud': 'mounted',
    '/home/bob/cloud': 'starting',
  })
  expect(running.every(({ pid }) => pid === process.pid)).toBe(true)
})

it('nobody has mounted anything when the folder does not exist', async () => {
  expect(await listRunning(folder)).toEqual([])
})

it('refuses a second mount of one account, naming the folder that holds it', async () => {
  const first = await claim('anna', '/home/anna/cloud')
  await expect(claim('anna', '/mnt')).rejects.toThrow(
    /anna@example.com is just being mounted on \/home\/anna\/cloud/,
  )
  await first.setState('mounted')
  await expect(claim('anna', '/mnt')).rejects.toThrow(
    /is mounted already on \/home\/anna\/cloud .*unmount that folder first/,
  )
})

it('waits for a mount that still sends what was written, says so once, and then goes on', async () => {
  const first = await claim('anna', '/home/anna/cloud')
  await first.setState('draining')
  let second: Promise<AccountClaim> = Promise.resolve(first)
  const sentences: string[] = []
  const waiting = new Promise<void>((resolve) => {
    second = claim('anna', '/mnt', (sentence) => {
      sentences.push(sentence)
      resolve()
    })
  })
  await waiting
  const outcome = { isClaimed: false }
  void second.then(() => {
    outcome.isClaimed = true
  })
  for (let i = 0; i < 20; i += 1) await polled()
  expect(outcome.isClaimed).toBe(false)
  expect(sentences).toEqual([expect.stringMatching(/still sends what was written to \/home\/anna\/cloud/)])
  claims.splice(claims.indexOf(first), 1)
  await first.release()
  while (!outcome.isClaimed) await polled()
  expect((await second).record).toMatchObject({ mountpoint: '/mnt', state: 'starting' })
})

/** Moves the clock on, and gives files and sockets a moment to answer. */
async function polled(): Promise<void> {
  await clock.advance(200)
  await listRunning(folder)
}

it('a record whose process is gone counts for nothing and is cleared away', async () => {
  await mkdir(folder, { mode: 0o700 })
  const hash = accountHash('anna')
  const dead = {
    version: 1,
    pid: 2 ** 22,
    mountpoint: '/mnt',
    account: 'anna',
    state: 'mounted',
    startedAt: 0,
  }
  const socketPath = join(folder, `${hash}.sock`)
  await writeFile(join(folder, `${hash}.json`), JSON.stringify({ ...dead, socketPath }))
  await writeFile(socketPath, '')
  expect(await listRunning(folder)).toEqual([])
  expect(await readdir(folder)).toEqual([])
  await claim('anna', '/home/anna/cloud')
})

it('a damaged record hinders nobody', async () => {
  await mkdir(folder, { mode: 0o700 })
  await writeFile(join(folder, `${accountHash('anna')}.json`), '{"version":1,')
  expect(await listRunning(folder)).toEqual([])
  const { record } = await claim('anna', '/home/anna/cloud')
  expect(await listRunning(folder)).toEqual([record])
})

it('leaves nothing behind', async () => {
  const only = await claim('anna', '/home/anna/cloud')
  claims.length = 0
  await only.release()
  expect(await readdir(folder)).toEqual([])
})

it('refuses a folder that others can reach, or a link in its place', async () => {
  await mkdir(folder)
  await chmod(folder, 0o755)
  await expect(claim('anna', '/mnt')).rejects.toThrow(/must be a folder of this user with mode 0700/)
  await rm(folder, { recursive: true })
  await symlink('/etc', folder)
  await expect(claim('anna', '/mnt')).rejects.toThrow(/must be a folder of this user with mode 0700/)
})

it('the sockets live where the desktop says, or in a folder of this user`s', () => {
  expect(defaultRuntimeFolder({ XDG_RUNTIME_DIR: '/run/user/1000' })).toBe('/run/user/1000/cloudreve-mount')
  expect(defaultRuntimeFolder({})).toBe(`/tmp/cloudreve-mount-${process.getuid?.()}`)
})
