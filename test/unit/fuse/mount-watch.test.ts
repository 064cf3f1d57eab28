import { expect, it } from 'vitest'
import { MountWatch } from '../../../src/fuse/mount-watch.ts'
import type { MountEntry } from '../../../src/fuse/mountinfo.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'
import { recordingLog } from '../../fakes/recording-log.ts'

const mount: MountEntry = {
  id: 42,
  device: '0:39',
  mountpoint: '/home/anna/cloud',
  type: 'fuse.cloudreve-mount',
  source: 'https://cloud.example.com',
}

function watched() {
  const clock = new ManualClock()
  const log = recordingLog()
  const state = { mounts: [mount], open: 0, isSessionOpen: true, isGone: false, fails: false }
  const watch = new MountWatch({
    clock,
    log,
    mount,
    openCount: () => state.open,
    isSessionOpen: async () => state.isSessionOpen,
    mounts: async () => {
      if (state.fails) throw new Error('no /proc')
      return state.mounts
    },
  })
  void watch.gone.then(() => {
    state.isGone = true
  })
  return { clock, log, state, watch }
}

it('an unmount from outside is noticed within a second', async () => {
  const { clock, state } = watched()
  await clock.advance(10_000)
  expect(state.isGone).toBe(false)
  state.mounts = []
  await clock.advance(1_000)
  expect(state.isGone).toBe(true)
  expect(clock.pending).toBe(0)
})

it('waits for programs that have files open', async () => {
  const { clock, state } = watched()
  state.mounts = []
  state.open = 2
  await clock.advance(60_000)
  expect(state.isGone).toBe(false)
  state.open = 0
  await clock.advance(1_000)
  expect(state.isGone).toBe(true)
})

it('the end of the session is the end, whatever is open', async () => {
  const { clock, state } = watched()
  state.open = 1
  state.isSessionOpen = false
  await clock.advance(1_000)
  expect(state.isGone).toBe(true)
})

it('a bind mount elsewhere keeps the filesystem, but it is not in place', async () => {
  const { clock, state, watch } = watched()
  state.mounts = [{ ...mount, id: 77, mountpoint: '/srv/cloud' }]
  await clock.advance(5_000)
  expect(state.isGone).toBe(false)
  expect(await watch.isInPlace()).toBe(false)
})

it('another filesystem that got the same device number is not ours', async () => {
  const { clock, state } = watched()
  state.mounts = [{ ...mount, source: 'https://elsewhere.example.com' }]
  await clock.advance(1_000)
  expect(state.isGone).toBe(true)
})

it('what is mounted over it hides it', async () => {
  const { state, watch } = watched()
  expect(await watch.isInPlace()).toBe(true)
  state.mounts = [mount, { ...mount, id: 43, device: '0:50' }]
  expect(await watch.isInPlace()).toBe(false)
})

it('goes on looking when a look fails', async () => {
  const { clock, log, state } = watched()
  state.fails = true
  await clock.advance(2_000)
  expect(log.lines).toHaveLength(2)
  Object.assign(state, { fails: false, mounts: [] })
  await clock.advance(1_000)
  expect(state.isGone).toBe(true)
})
