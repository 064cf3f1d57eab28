import { expect, it } from 'vitest'
import type { MountEntry } from '../../../src/fuse/mountinfo.ts'
import { recoverMountpoint } from '../../../src/mount/recover-mountpoint.ts'
import { recordingLog } from '../../fakes/recording-log.ts'

const ours: MountEntry = {
  id: 1,
  device: '0:39',
  mountpoint: '/mnt',
  type: 'fuse.cloudreve-mount',
  source: 'https://cloud.example.com',
}

/** A table of mounts on `/mnt`; the top one answers `stat` with `code`. */
function system(mounts: MountEntry[], code: string | undefined) {
  const unmounted: number[] = []
  return {
    unmounted,
    log: recordingLog(),
    mounts: async () => mounts,
    stat: async () => {
      if (code) throw Object.assign(new Error(code), { code })
    },
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
  await recoverMountpoint('/mnt', parts)
  expect(parts.unmounted).toEqual([2, 1])
  expect(parts.log.lines).toHaveLength(2)
})

it('leaves a living mount alone', async () => {
  const parts = system([ours], undefined)
  await recoverMountpoint('/mnt', parts)
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
