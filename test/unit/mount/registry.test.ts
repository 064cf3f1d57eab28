import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { accountHash } from '../../../src/mount/account-lock.ts'
import { silentLog } from '../../../src/base/log.ts'
import { AccountClaim, claimAccount } from '../../../src/mount/account-claim.ts'
import { ControlServer } from '../../../src/mount/control.ts'
import { listRunning } from '../../../src/mount/registry.ts'
import { defaultRuntimeFolder } from '../../../src/mount/runtime-folder.ts'
import type { RunningMount } from '../../../src/mount/spec.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'

let parent: string
let folder: string
const clock = new ManualClock()
const claims: AccountClaim[] = []
/** Folders that the kernel does not have mounted any more. */
const unmounted = new Set<string>()

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'registry-'))
  folder = join(parent, 'run')
})

afterEach(async () => {
  for (const claim of claims.splice(0)) await claim.release()
  unmounted.clear()
  await rm(parent, { recursive: true })
})

const isInPlace = async (holder: RunningMount) => !unmounted.has(holder.mountpoint)

function ask(accountId: string, onWaiting?: (sentence: string) => void) {
  const account = `${accountId}@example.com`
  const request = { runtimeFolder: folder, accountId, account, clock, isInPlace }
  return claimAccount(onWaiting ? { ...request, onWaiting } : request)
}

async function claim(accountId: string, mountpoint: string, onWaiting?: (sentence: string) => void) {
  const claimed = await ask(accountId, onWaiting)
  if (!(claimed instanceof AccountClaim)) throw new Error(`process ${claimed.holder.pid} has the account`)
  claims.push(claimed)
  return { claim: claimed, mount: await claimed.add(mountpoint, clock.now()) }
}

it('shows who serves what, in which state', async () => {
  const anna = await claim('anna', '/home/anna/cloud')
  await claim('bob', '/home/bob/cloud')
  await anna.mount.setState('mounted')
  await anna.claim.add('/home/anna/letters', 7)
  const running = await listRunning(folder)
  expect(Object.fromEntries(running.map(({ mountpoint, state }) => [mountpoint, state]))).toEqual({
    '/home/anna/cloud': 'mounted',
    '/home/anna/letters': 'starting',
    '/home/bob/cloud': 'starting',
  })
  expect(running.every(({ pid }) => pid === process.pid)).toBe(true)
})

it('a mount that has ended is not shown any more, its neighbours are', async () => {
  const anna = await claim('anna', '/home/anna/cloud')
  const letters = await anna.claim.add('/home/anna/letters', 7)
  await anna.mount.remove()
  await anna.mount.setState('draining')
  expect(await listRunning(folder)).toEqual([letters.record])
})

it('nobody has mounted anything when the folder does not exist', async () => {
  expect(await listRunning(folder)).toEqual([])
})

it('names the process that serves the account, once a folder of it is mounted', async () => {
  const first = await claim('anna', '/home/anna/cloud')
  const outcome: { taken?: Awaited<ReturnType<typeof ask>> } = {}
  void ask('anna').then((taken) => (outcome.taken = taken))
  for (let i = 0; i < 10; i += 1) await polled()
  expect(outcome.taken).toBeUndefined()
  await first.mount.setState('mounted')
  while (!outcome.taken) await polled()
  expect(outcome.taken).toMatchObject({
    holder: { pid: process.pid, mounts: [{ mountpoint: '/home/anna/cloud', state: 'mounted' }] },
  })
})

it('one folder that is unmounted, while another is mounted, is no reason to wait', async () => {
  const first = await claim('anna', '/home/anna/cloud')
  await first.mount.setState('draining')
  const letters = await first.claim.add('/home/anna/letters', 7)
  await letters.setState('mounted')
  expect(await ask('anna')).toMatchObject({ holder: { pid: process.pid } })
})

it('waits for a mount that still sends what was written, says so once, and then goes on', async () => {
  const first = await claim('anna', '/home/anna/cloud')
  await first.mount.setState('draining')
  let second: ReturnType<typeof claim> = Promise.resolve(first)
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
  expect(sentences).toEqual([
    expect.stringMatching(/\/home\/anna\/cloud is unmounted, but what was written there/),
  ])
  claims.splice(claims.indexOf(first.claim), 1)
  await first.claim.release()
  while (!outcome.isClaimed) await polled()
  expect((await second).mount.record).toMatchObject({ mountpoint: '/mnt', state: 'starting' })
})

it('waits for a mount whose folder somebody unmounted just now, and makes its process look', async () => {
  const first = await claim('anna', '/home/anna/cloud')
  await first.mount.setState('mounted')
  unmounted.add('/home/anna/cloud')
  const control = await ControlServer.start({ socketPath: first.claim.socketPath, log: silentLog })
  const asked = new Promise<void>((resolve) => {
    control.add('/home/anna/cloud', {
      unmount: async ({ params }) => {
        await first.mount.setState('draining')
        resolve()
        return params
      },
    })
  })
  const outcome = { isClaimed: false }
  const sentences: string[] = []
  const second = claim('anna', '/home/anna/cloud', (sentence) => sentences.push(sentence))
  void second.then(() => {
    outcome.isClaimed = true
  })
  await asked
  for (let i = 0; i < 5; i += 1) await polled()
  expect(outcome.isClaimed).toBe(false)
  expect(sentences).toHaveLength(1)
  await control.close()
  claims.splice(claims.indexOf(first.claim), 1)
  await first.claim.release()
  while (!outcome.isClaimed) await polled()
})

it('a claim that was given back does not come back by what its process says late', async () => {
  const first = await claim('anna', '/home/anna/cloud')
  claims.length = 0
  await first.claim.release()
  await first.mount.setState('draining')
  expect(await readdir(folder)).toEqual([])
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
    version: 2,
    pid: 2 ** 22,
    account: 'anna',
    mounts: [{ mountpoint: '/mnt', state: 'mounted', startedAt: 0 }],
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
  await writeFile(join(folder, `${accountHash('anna')}.json`), '{"version":2,')
  expect(await listRunning(folder)).toEqual([])
  const { mount } = await claim('anna', '/home/anna/cloud')
  expect(await listRunning(folder)).toEqual([mount.record])
})

it('leaves nothing behind', async () => {
  const only = await claim('anna', '/home/anna/cloud')
  claims.length = 0
  await only.claim.release()
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
