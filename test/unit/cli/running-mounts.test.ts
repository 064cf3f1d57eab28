/** The mounts of this machine, asked over real sockets. */
import { mkdtempSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { silentLog } from '../../../src/base/log.ts'
import { exitCodes } from '../../../src/cli/exit-codes.ts'
import { RunningMounts } from '../../../src/cli/mounts.ts'
import { ControlServer } from '../../../src/mount/control.ts'
import type { AccountClaim } from '../../../src/mount/account-claim.ts'
import { claimedAccount } from '../../fakes/claimed-account.ts'

let folder: string
let mountpoint: string
let mounts: RunningMounts
let claim: AccountClaim
let control: ControlServer

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'running-'))
  mountpoint = join(folder, 'cloud')
  mkdirSync(join(mountpoint, 'Plans'), { recursive: true })
  mkdirSync(join(folder, 'run'), { mode: 0o700 })
  const account = 'ann@example.com at cloud.example.com'
  const runtimeFolder = join(folder, 'run')
  claim = await claimedAccount({ runtimeFolder, accountId: folder, account, clock: systemClock })
  await claim.add(mountpoint, 0)
  control = await ControlServer.start({ socketPath: claim.socketPath, log: silentLog })
  control.add(mountpoint, {
    echo: async ({ params, progress }) => {
      progress('under way')
      return params
    },
    refuse: async () => Promise.reject(new Error('the drive is full')),
  })
  mounts = new RunningMounts(runtimeFolder)
})
afterEach(async () => {
  await control.close()
  await claim.release()
  rmSync(folder, { recursive: true })
})

describe('a running mount', () => {
  it('is found by its mountpoint, however that is spelled', async () => {
    symlinkSync(folder, join(folder, 'link'))
    for (const spelling of [mountpoint, `${mountpoint}/`, join(folder, 'link/cloud')]) {
      expect(await mounts.at(spelling)).toMatchObject({ mountpoint, pid: process.pid })
    }
    expect(await mounts.at(join(mountpoint, 'Plans'))).toBeUndefined()
    expect(await mounts.at(join(folder, 'elsewhere/deep'))).toBeUndefined()
  })

  it('is asked about a path in it, named as it names it itself', async () => {
    symlinkSync(mountpoint, join(folder, 'shortcut'))
    const asked = await mounts.callAt(join(folder, 'shortcut/Plans/a.txt'), 'echo', { limit: 3 })
    // Neither the link above nor a file that does not exist is in the way.
    expect(asked).toEqual({ limit: 3, path: join(mountpoint, 'Plans/a.txt') })
  })

  it('tells how far it is', async () => {
    const events: unknown[] = []
    await mounts.call(mountpoint, 'echo', null, (event) => events.push(event))
    expect(events).toEqual(['under way'])
  })

  it('answers with its own sentence when it cannot', async () => {
    await expect(mounts.call(mountpoint, 'refuse')).rejects.toThrow('the drive is full')
  })

  it('is not asked about paths of others', async () => {
    await expect(mounts.callAt('/etc/passwd', 'echo')).rejects.toMatchObject({
      exitCode: exitCodes.notMounted,
      message: '/etc/passwd is not in a folder that cloudreve-mount serves',
    })
  })
})
