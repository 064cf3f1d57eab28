import { describe, expect, it } from 'vitest'
import { timespecFromMs } from '../../../../src/base/timespec.ts'
import { LocalTimes } from '../../../../src/core/filesystem/local-times.ts'
import type { EntityId, FileId, RemoteEntry } from '../../../../src/remote/types.ts'
import { remoteEntry } from '../../../fakes/remote-entry.ts'

const content = 'e1' as EntityId

function fileOf(id: string, updatedAtMs: number): RemoteEntry {
  return remoteEntry({ id: id as FileId, entity: content, updatedAtMs })
}

describe('LocalTimes', () => {
  it('keeps the times of two files apart that share their content', () => {
    const times = new LocalTimes()
    times.set(fileOf('original', 10), timespecFromMs(1_000))
    times.set(fileOf('copy', 20), timespecFromMs(2_000))
    expect(times.of(fileOf('original', 30))).toEqual(timespecFromMs(1_000))
    expect(times.of(fileOf('copy', 30))).toEqual(timespecFromMs(2_000))
    expect(times.of(fileOf('another copy', 30))).toEqual(timespecFromMs(30))
  })

  it('knows what was kept by content alone', () => {
    const times = new LocalTimes([[content, timespecFromMs(5_000)]])
    expect(times.of(fileOf('original', 10))).toEqual(timespecFromMs(5_000))
    times.set(fileOf('original', 10), timespecFromMs(6_000))
    expect(times.of(fileOf('original', 10))).toEqual(timespecFromMs(6_000))
  })
})
