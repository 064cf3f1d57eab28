import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../../src/base/log.ts'
import { ContentReaders, MemoryBudget, rememberUploads } from '../../../../src/core/read/index.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'
import { MemoryRemote } from '../../../fakes/memory-remote.ts'

function place() {
  const clock = new ManualClock()
  const remote = new MemoryRemote({ clock })
  const readers = new ContentReaders({
    remote,
    budget: new MemoryBudget(16 * 1024 ** 2),
    clock,
    log: silentLog,
  })
  const upload = rememberUploads(
    (...call) => remote.upload(...call),
    (entity, bytes) => readers.remember(entity, bytes),
  )
  return { remote, readers, upload }
}

function sourceOf(bytes: Uint8Array) {
  return { sizeBytes: bytes.length, read: async (start: number, end: number) => bytes.slice(start, end) }
}

const patterned = (sizeBytes: number) =>
  Uint8Array.from({ length: sizeBytes }, (_, i) => (i * 31 + (i >> 8)) & 0xff)

describe('rememberUploads', () => {
  it('makes what was just saved readable without a request', async () => {
    const { remote, readers, upload } = place()
    const bytes = patterned(300_000)
    const entry = await upload({ path: ['f'], previous: 'absent', source: sourceOf(bytes) })
    const reader = readers.open({ path: () => ['f'], entity: entry.entity!, sizeBytes: bytes.length })
    expect(Buffer.compare(await reader.read(0, 300_000), bytes)).toBe(0)
    expect(remote.count('readRange')).toBe(0)
  })

  it('remembers nothing of an upload that failed', async () => {
    const { remote, upload, readers } = place()
    remote.putAsOther('f', 'theirs')
    const { entity } = remote.entryAt('f')
    const request = { path: ['f'], previous: 'absent' as const, source: sourceOf(patterned(6)) }
    await expect(upload(request)).rejects.toMatchObject({ kind: 'stale' })
    const reader = readers.open({ path: () => ['f'], entity: entity!, sizeBytes: 6 })
    expect(Buffer.from(await reader.read(0, 6)).toString()).toBe('theirs')
  })

  it('leaves large contents to the server', async () => {
    const { remote, readers, upload } = place()
    const bytes = patterned(5 * 1024 ** 2)
    const entry = await upload({ path: ['f'], previous: 'absent', source: sourceOf(bytes) })
    const reader = readers.open({ path: () => ['f'], entity: entry.entity!, sizeBytes: bytes.length })
    await reader.read(0, 10)
    expect(remote.count('readRange')).toBe(1)
  })
})
