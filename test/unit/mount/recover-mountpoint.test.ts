import { expect, it } from 'vitest'
import type { MountEntry } from '../../../src/fuse/mountinfo.ts'
import { recoverMountpoint } from '../../../src/mount/recover-mountpoint.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'
import { recordingLog } from '../../fakes/recording-log.ts'

const ours: MountEntry = {
  id: 1,
  device: '0:39',
  mountpoint: '/mnt',
  type: 'fuse.cloudreve-mount',
  source: 'https://cloud.example.com',
}

/** A table of mounts on `/mnt`; the top one answers `stat` with `code`, or not at all. */
function system(
  mounts: MountEntry[],
  code: string | undefined,
  { isServed = false, canCut = true, canForce = true } = {},
) {
  const unmounted: number[] = []
  const forced: number[] = []
  const cut: string[] = []
  const clock = new ManualClock()
  return {
    unmounted,
    forced,
    cutDevices: cut,
    clock,
    log: recordingLog(),
    isServed: async () => isServed,
    mounts: async () => mounts,
    stat: async () => {
      if (code === 'silence') return new Promise(() => void clock.advance(5_000))
      if (code) throw Object.assign(new Error(code), { code })
      return undefined
    },
    cut: async (device: string) => canCut && cut.push(device) > 0,
    force: async () => canForce && forced.push(mounts.pop()!.id) > 0,
    unmount: async () => {
      unmounted.push(mounts.pop()!.id)
    },
  }
}

it.each(['ENOTCONN', 'ECONNABORTED'])('clears away what a killed process left (%s)', async (code) => {
  const parts = system(
    [
      { ...ours, id: 1 },
      { ...ours, id: 2 },
    ],
    code,
  )
  expect(await recoverMountpoint('/mnt', parts)).toBe(true)
  expect(parts.unmounted).toEqual([2, 1])
  expect(parts.cutDevices).toEqual([])
  expect(parts.log.lines).toHaveLength(2)
})

it('cuts the connection of a mount that nobody serves and that answers nothing, before it takes it away', async () => {
  const parts = system([ours], 'silence')
  expect(await recoverMountpoint('/mnt', parts)).toBe(true)
  expect(parts.cutDevices).toEqual(['0:39'])
  expect([parts.unmounted, parts.forced]).toEqual([[1], []])
})

it('cuts it by unmounting where the kernel has no control files to cut it by, and unmounts nothing below it', async () => {
  const parts = system(
    [
      { ...ours, id: 1, type: 'ext4' },
      { ...ours, id: 2 },
    ],
    'silence',
    { canCut: false },
  )
  expect(await recoverMountpoint('/mnt', parts)).toBe(true)
  expect([parts.unmounted, parts.forced]).toEqual([[], [2]])
  expect(parts.log.lines).toMatchObject([{ fields: { wasCut: true } }])
})

it('takes it away all the same where it cannot be cut at all', async () => {
  const parts = system([ours], 'silence', { canCut: false, canForce: false })
  expect(await recoverMountpoint('/mnt', parts)).toBe(true)
  expect([parts.unmounted, parts.forced]).toEqual([[1], []])
})

it.each([
  ['that a process of ours serves', ours, { isServed: true }],
  ['of another program', { ...ours, type: 'fuse.sshfs' }, {}],
])('leaves a mount alone that answers nothing yet, %s', async (_, mount, served) => {
  const parts = system([mount], 'silence', served)
  expect(await recoverMountpoint('/mnt', parts)).toBe(false)
  expect([parts.cutDevices, parts.unmounted]).toEqual([[], []])
})

it('leaves a living mount alone', async () => {
  const parts = system([ours], undefined)
  expect(await recoverMountpoint('/mnt', parts)).toBe(false)
  expect(parts.unmounted).toEqual([])
})

it('leaves a mount alone that refuses for another reason', async () => {
  const parts = system([ours], 'EACCES')
  await recoverMountpoint('/mnt', parts)
  expect(parts.unmounted).toEqual([])
})

it('does not touch the dead mount of another program, and says whose it is', async () => {
  const parts = system([{ ...ours, type: 'fuse.rclone', source: 'remote:' }], 'ENOTCONN')
  await expect(recoverMountpoint('/mnt', parts)).rejects.toThrow(
    /dead mount of another program \(remote:, fuse.rclone\)/,
  )
  expect(parts.unmounted).toEqual([])
})

it('asks nothing of a folder on which nothing is mounted', async () => {
  const parts = { ...system([], 'ENOTCONN'), stat: () => Promise.reject(new Error('asked')) }
  await recoverMountpoint('/mnt', parts)
  expect(parts.unmounted).toEqual([])
})
