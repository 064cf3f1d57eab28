import { describe, expect, it } from 'vitest'
import type { StagedFile } from '../../../../src/core/write/staged-file.ts'
import { StagedUsers } from '../../../../src/core/write/staged-users.ts'

const reader = { writes: false }
const writer = { writes: true }

function bench() {
  let users = 0
  const staged = {
    retain: () => void (users += 1),
    release: async () => void (users -= 1),
  } as unknown as StagedFile
  return { users: new StagedUsers(), staged, isOpen: () => users > 0 }
}

describe('what is staged of a file', () => {
  it('is to be closed when the last who has the file open is gone, and not before', async () => {
    const { users, staged, isOpen } = bench()
    users.retain(writer, undefined)
    users.keepOpen(staged)
    users.retain(reader, staged)
    users.release(writer)
    expect(users.canLetClose).toBe(false)
    users.release(reader)
    expect([users.canLetClose, isOpen()]).toEqual([true, true])
    await users.letClose()
    expect([users.canLetClose, isOpen()]).toEqual([false, false])
  })

  it('needs no closing where nothing is staged, also when something is after the last is gone', () => {
    const { users, staged, isOpen } = bench()
    users.retain(reader, undefined)
    users.release(reader)
    users.keepOpen(staged)
    expect([users.canLetClose, isOpen()]).toEqual([false, false])
  })
})
