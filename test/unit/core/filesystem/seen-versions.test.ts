import { describe, expect, it } from 'vitest'
import { SeenVersions } from '../../../../src/core/filesystem/seen-versions.ts'
import type { EntityId, FileId } from '../../../../src/remote/types.ts'

const [first, second, third] = ['e1', 'e2', 'e3'] as [EntityId, EntityId, EntityId]
const file = { id: 'f' as FileId, remotePath: ['d', 'f'], label: '/d/f' }
const MAX_PROCESSES = 64

describe('SeenVersions', () => {
  it('knows what each process was given last', () => {
    const seen = new SeenVersions()
    seen.saw(1, file, first, true)
    seen.saw(2, file, first, true)
    seen.saw(1, file, second, true)
    expect([1, 2, 3].map((pid) => seen.lastSeen(pid, file))).toEqual([second, first, undefined])
  })

  it('forgets the process that came last the longest time ago, and not the one that came first', () => {
    const seen = new SeenVersions()
    for (let pid = 1; pid <= MAX_PROCESSES; pid += 1) seen.saw(pid, file, first, true)
    seen.saw(1, file, first, true)
    seen.saw(MAX_PROCESSES + 1, file, first, true)
    expect([1, 2, 3].map((pid) => seen.lastSeen(pid, file))).toEqual([first, undefined, first])
  })

  it('takes who read a version that was replaced from here for one who read what took its place', () => {
    const seen = new SeenVersions()
    seen.saw(1, file, first, true)
    seen.replaced(file.id, first, second)
    seen.replaced(file.id, second, third)
    seen.saw(2, file, first, false)
    expect([1, 2].map((pid) => seen.lastSeen(pid, file))).toEqual([third, third])
  })

  it('takes a version that is shown again for itself', () => {
    const seen = new SeenVersions()
    seen.replaced(file.id, first, second)
    seen.saw(1, file, first, true)
    expect(seen.lastSeen(1, file)).toBe(first)
  })
})
