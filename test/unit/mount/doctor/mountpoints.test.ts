import { describe, expect, it } from 'vitest'
import { DriverError } from '../../../../src/fuse/errors.ts'
import { OUR_MOUNT_TYPE } from '../../../../src/fuse/mountinfo.ts'
import type { Finding } from '../../../../src/mount/doctor/finding.ts'
import { examineMountpoints, type MountpointProbes } from '../../../../src/mount/doctor/mountpoints.ts'

const mount = (mountpoint: string, type = OUR_MOUNT_TYPE) => ({
  id: 1,
  device: '0:50',
  mountpoint,
  type,
  source: 'https://cloud.example.com',
})
const served = {
  pid: 42,
  mountpoint: '/home/ann/cloud',
  account: 'ann@example.com at https://cloud.example.com',
  state: 'mounted',
  socketPath: '/run/x.sock',
  startedAt: 0,
} as const

interface Machine {
  mounts?: ReturnType<typeof mount>[]
  dead?: string[]
  folderTrouble?: string
  mayWrite?: boolean
}

async function examined(machine: Machine, mountpoint?: string) {
  const touched: string[] = []
  const probes: MountpointProbes = {
    mounts: () => Promise.resolve(machine.mounts ?? []),
    running: () => Promise.resolve([served]),
    isDead: (path) => {
      touched.push(path)
      return Promise.resolve(machine.dead?.includes(path) ?? false)
    },
    realName: (path) => Promise.resolve(path),
    checkFolder: () =>
      machine.folderTrouble ? Promise.reject(new DriverError(machine.folderTrouble)) : Promise.resolve(),
    mayWrite: () => Promise.resolve(machine.mayWrite ?? true),
  }
  const found = new Map<string, Finding>()
  for await (const finding of examineMountpoints(probes, mountpoint)) found.set(finding.check, finding)
  return { found, touched }
}

const level = async (machine: Machine, mountpoint: string) =>
  (await examined(machine, mountpoint)).found.get('mountpoint')!

describe('mounts', () => {
  it('that a process serves are not touched: they may take their time', async () => {
    const { found, touched } = await examined({
      mounts: [mount('/home/ann/cloud')],
      dead: ['/home/ann/cloud'],
    })
    expect(found.get('mounts')!.level).toBe('ok')
    expect(touched).toEqual([])
  })

  it('whose process died are named with the command that clears them', async () => {
    const mounts = [mount('/a'), mount('/b'), mount('/c'), mount('/d', 'fuse.sshfs')]
    const { found } = await examined({ mounts, dead: ['/a', '/c', '/d'] })
    expect(found.get('mounts')).toMatchObject({
      level: 'fail',
      text: 'the process behind /a and /c has died, but the folder is still mounted',
      remedy: 'cloudreve-mount umount /a; cloudreve-mount umount /c',
    })
  })
})

describe('the mountpoint', () => {
  it('is looked at only when it is named', async () => {
    expect((await examined({})).found.has('mountpoint')).toBe(false)
  })

  it('may be a living mount of ours, or an empty folder', async () => {
    expect(await level({ mounts: [mount('/home/ann/cloud')] }, '/home/ann/cloud')).toMatchObject({
      level: 'ok',
      text: expect.stringContaining('ann@example.com') as string,
    })
    expect((await level({}, '/empty')).level).toBe('ok')
  })

  it('is of no use when it is dead, covered, not empty or not ours to write', async () => {
    expect(await level({ mounts: [mount('/a')], dead: ['/a'] }, '/a')).toMatchObject({
      level: 'fail',
      remedy: 'cloudreve-mount umount /a',
    })
    expect((await level({ mounts: [mount('/a', 'ext4')] }, '/a')).text).toContain(
      'something is mounted on /a',
    )
    expect((await level({ folderTrouble: '/a is not empty' }, '/a')).text).toBe('/a is not empty')
    expect((await level({ mayWrite: false }, '/a')).level).toBe('fail')
  })
})
