import { describe, expect, it } from 'vitest'
import { FileRun } from '../../../../src/core/filesystem/file-run.ts'
import type { FoundFile } from '../../../../src/core/filesystem/file-sequence.ts'
import type { FileId } from '../../../../src/remote/types.ts'
import { remoteEntry } from '../../../fakes/remote-entry.ts'

const folder = { id: 'folder' as FileId, name: '', above: undefined }

const id = (place: number) => `f${place}` as FileId

/** Files 0, 1, 2 … of which number 0 was read. */
function runOver(count: number, needed = 3): { run: FileRun; read: (place: number) => number[] } {
  let at = 0
  const next = (): FoundFile | undefined => {
    at += 1
    return at < count ? { entry: remoteEntry({ id: id(at) }), folder } : undefined
  }
  const run = new FileRun({
    folder: folder.id,
    sequence: { next },
    kind: { order: 'listing', isWalk: false },
    first: id(0),
    needed,
  })
  const read = (place: number): number[] => {
    const fetched: number[] = []
    if (run.advance(id(place)) !== false)
      run.extend(({ entry }) => fetched.push(Number(entry.id.slice(1))) > 0)
    return fetched
  }
  return { run, read }
}

describe('files that are read one after the other', () => {
  it('are believed to go on from the third on, as far as were read', () => {
    const { read } = runOver(100)
    expect(read(1)).toEqual([])
    expect(read(2)).toEqual([3, 4, 5])
    expect(read(3)).toEqual([6, 7])
    expect(read(4)).toEqual([])
    expect(read(5)).toEqual([8, 9, 10, 11])
  })

  it('have a window that grows to 128 and is extended in large steps', () => {
    const { read } = runOver(2_000)
    const steps: number[] = []
    let fetched = 3
    for (let place = 1; place < 1_000; place += 1) {
      const news = read(place)
      if (news.length > 0) steps.push(news.length)
      fetched += news.length
      expect(fetched - place).toBeLessThanOrEqual(1 + Math.min(128, place + 1))
    }
    expect(steps.length).toBeLessThan(30)
    expect(Math.max(...steps.slice(-5))).toBeGreaterThanOrEqual(64)
  })

  it('end where the folder ends', () => {
    const { read } = runOver(6)
    read(1)
    expect(read(2)).toEqual([3, 4, 5])
    for (const place of [3, 4, 5]) expect(read(place)).toEqual([])
  })

  it('are recognised out of order, as programs with several threads read them', () => {
    const { read } = runOver(100)
    read(2)
    expect(read(1)).toEqual([3, 4, 5])
    expect([5, 3, 4].flatMap(read)).toEqual([6, 7, 8, 9])
  })

  it('are no run where every second one is passed over', () => {
    const { read } = runOver(1_000)
    expect([2, 4, 6, 8, 10, 12].flatMap(read)).toEqual([])
  })

  it('are no run for who reads one file again and again', () => {
    const { read } = runOver(1_000)
    expect([0, 1, 1, 1, 0, 0, 1].flatMap(read)).toEqual([])
  })

  it('cost no more than twice what was read where a program stops to read them all', () => {
    const { run, read } = runOver(10_000)
    let [fetched, used] = [0, 1]
    for (let place = 1; place < 5_000; place += 1) {
      if ((place >= 100 && place % 2 === 1) || run.isWrong) continue
      used += 1
      fetched += read(place).length
    }
    expect(run.isWrong).toBe(true)
    expect(fetched).toBeLessThanOrEqual(2 * used)
  })

  it('tell what was passed over', () => {
    const { run, read } = runOver(1_000)
    for (let place = 1; place <= 20; place += 1) read(place)
    expect(run.advance(id(38))).toMatchObject({ passed: [{ entry: { id: 'f21' } }] })
  })

  it('that are closed after their first bytes are fetched no further', () => {
    const { run, read } = runOver(100)
    read(1)
    run.closed(id(0), 4_000, 10_000)
    run.closed(id(1), 6_000, 10_000)
    expect(run.headBytes).toBe(6_000)
    run.closed(id(1), 1_000, 1_000)
    expect(run.headBytes).toBe(6_000)
    run.closed(id(1), 10_000, 10_000)
    expect(run.headBytes).toBeUndefined()
  })
})
