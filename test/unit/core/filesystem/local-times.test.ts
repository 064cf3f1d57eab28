import { describe, expect, it } from 'vitest'
import { timespecFromMs } from '../../../../src/base/timespec.ts'
import { LocalTimes } from '../../../../src/core/filesystem/local-times.ts'
import type { EntityId, FileId, RemoteEntry } from '../../../../src/remote/types.ts'
import { remoteEntry } from '../../../fakes/remote-entry.ts'

const content = 'e1' as EntityId

function fileOf(id: string, updatedAtMs: number): RemoteEntry {
  return remoteEntry({ id: id as FileId, entity: content, updatedAtMs })
}

function version(entity: string, updatedAtMs: number): RemoteEntry {
  return remoteEntry({ id: 'f' as FileId, entity: entity as EntityId, updatedAtMs })
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

  it('knows the time of a content that a file comes back to', () => {
    const times = new LocalTimes()
    expect(times.of(version('e1', 1_000))).toEqual(timespecFromMs(1_000))
    times.set(version('e2', 2_000), timespecFromMs(2_500))
    expect(times.of(version('e3', 3_000))).toEqual(timespecFromMs(3_000))
    expect(times.of(version('e1', 4_000))).toEqual(timespecFromMs(1_000))
    expect(times.of(version('e2', 5_000))).toEqual(timespecFromMs(2_500))
    expect(times.of(version('e3', 6_000))).toEqual(timespecFromMs(3_000))
  })

  it('knows no more than the last contents of a file that gets new ones for ever', () => {
    const times = new LocalTimes()
    for (let n = 1; n <= 40; n += 1) times.of(version(`e${n}`, n * 1_000))
    expect(times.of(version('e25', 99_000))).toEqual(timespecFromMs(25_000))
    expect(times.of(version('e1', 99_000))).toEqual(timespecFromMs(99_000))
  })

  it('knows what it was told of before by the same store', () => {
    const lines: [string, ReturnType<typeof timespecFromMs>][] = []
    const store = { append: (...line: (typeof lines)[number]) => void lines.push(line) }
    const made = new LocalTimes([], store)
    made.set(fileOf('original', 10), timespecFromMs(1_000))
    made.set(remoteEntry({ id: 'empty' as FileId, entity: undefined }), timespecFromMs(2_000))
    const again = new LocalTimes(lines)
    expect(again.of(fileOf('original', 30))).toEqual(timespecFromMs(1_000))
    expect(again.of(remoteEntry({ id: 'empty' as FileId, entity: undefined }))).toEqual(timespecFromMs(2_000))
  })
})
