import { describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { StagingRoom } from '../../../../src/core/write/staging-room.ts'
import { ManualClock, settle } from '../../../fakes/manual-clock.ts'

describe('--staging-reserve', () => {
  const clock = new ManualClock()
  const disk = { freeBytes: 100, isDraining: false, questions: 0 }
  const room = new StagingRoom({
    limitBytes: Infinity,
    reserveBytes: 60,
    space: () => {
      disk.questions += 1
      return Promise.resolve({ freeBytes: disk.freeBytes, totalBytes: 1_000 })
    },
    clock,
    drain: () => disk.isDraining,
    onTaken: new Set(),
  })

  it('is left free; the disk is asked only now and then', async () => {
    for (let i = 0; i < 4; i += 1) (await room.enter(10, 'a'))()
    expect(disk.questions).toBe(1)
    disk.freeBytes = 60
    await expect(room.enter(1, 'a')).rejects.toMatchObject({ errno: Errno.ENOSPC })
  })

  it('nor is it asked because a staged file is gone, while what was free suffices', async () => {
    await clock.advance(2_000)
    disk.freeBytes = 100
    disk.questions = 0
    for (let i = 0; i < 4; i += 1) {
      const leave = await room.enter(10, 'a')
      room.release({})
      leave()
    }
    expect(disk.questions).toBe(1)
    disk.freeBytes = 60
    await expect(room.enter(1, 'a')).rejects.toMatchObject({ errno: Errno.ENOSPC })
  })

  it('a program waits for what is just being sent', async () => {
    disk.isDraining = true
    let isIn = false
    const entered = room.enter(1, 'a').then(() => {
      isIn = true
    })
    await settle()
    expect(isIn).toBe(false)
    disk.freeBytes = 100
    room.release({})
    await entered
    expect(clock.pending).toBe(0)
  })
})

describe('--staging-reserve on a small disk', () => {
  it('is a tenth of it: all of it could not be left to others', async () => {
    const room = new StagingRoom({
      limitBytes: Infinity,
      reserveBytes: 512,
      space: () => Promise.resolve({ freeBytes: 100, totalBytes: 100 }),
      clock: new ManualClock(),
      drain: () => false,
      onTaken: new Set(),
    })
    ;(await room.enter(90, 'a'))()
    await expect(room.enter(91, 'a')).rejects.toMatchObject({ errno: Errno.ENOSPC })
  })
})
