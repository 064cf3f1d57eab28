import { describe, expect, it } from 'vitest'
import { defaultReadOptions } from '../../../../src/core/read/index.ts'
import { ReadWindows, type Presence } from '../../../../src/core/read/read-windows.ts'

const KIB = 1024
const MIB = 1024 * KIB
const plenty = { capBytes: 1024 * MIB, busyBytes: 0 }

/** Reads of 128 KiB each from `from` to `to`; answers how far ahead of each read was asked for, KiB. */
function readOn(
  windows: ReadWindows,
  from: number,
  to: number,
  bounds = plenty,
  presence: Presence = 'here',
): number[] {
  const ahead: number[] = []
  for (let start = from; start < to; start += 128 * KIB) {
    const end = start + 128 * KIB
    ahead.push((windows.note({ start, end }, presence, bounds).end - end) / KIB)
  }
  return ahead
}

/** Of who began at `from` and waited for the first window, where so much keeps the line busy. */
function secondWindowMib(from: number, busyBytes: number): number {
  const windows = new ReadWindows(defaultReadOptions)
  windows.note({ start: from, end: from + 128 * KIB }, 'missing', plenty)
  readOn(windows, from + 128 * KIB, from + 384 * KIB, plenty, 'coming')
  return Math.max(...readOn(windows, from + 384 * KIB, from + 1.25 * MIB, { ...plenty, busyBytes })) / KIB
}

describe('read windows', () => {
  it('double while reads follow each other, to 64 MiB', () => {
    const ahead = readOn(new ReadWindows(defaultReadOptions), 0, 160 * MIB)
    expect(ahead.slice(0, 5)).toEqual([896, 768, 640, 2048, 1920])
    expect(Math.max(...ahead)).toBe(64 * KIB)
    expect(Math.min(...ahead.slice(-100))).toBeGreaterThan(55 * KIB)
  })

  it('grow faster for who waits for what was asked for', () => {
    const [waiting, served] = [new ReadWindows(defaultReadOptions), new ReadWindows(defaultReadOptions)]
    const [hasWaited, wasServed] = [readOn(waiting, 0, MIB, plenty, 'coming'), readOn(served, 0, MIB)]
    expect(hasWaited.at(-1)).toBeGreaterThan(3 * KIB)
    expect(wasServed.at(-1)).toBeLessThanOrEqual(2 * KIB)
  })

  it('grow to what keeps the line busy for who waits, sixteenfold at most', () => {
    const second = [2, 7, 1000].map((mebibytes) => secondWindowMib(8 * MIB, mebibytes * MIB))
    expect(second).toEqual([4, 7, 15.375])
  })

  it('grow to the longest at once for who waits and began at the first byte, where so much keeps the line busy', () => {
    const second = [2, 7, 40, 1000].map((mebibytes) => secondWindowMib(0, mebibytes * MIB))
    expect(second).toEqual([4, 7, 39.5, 63.5])
  })

  it('do not grow for the line where nobody waits for it', () => {
    const windows = new ReadWindows(defaultReadOptions)
    expect(Math.max(...readOn(windows, 0, MIB, { ...plenty, busyBytes: 1000 * MIB }))).toBe(2 * KIB)
  })

  it('never exceed the cap', () => {
    const ahead = readOn(new ReadWindows(defaultReadOptions), 0, 40 * MIB, { ...plenty, capBytes: 3 * MIB })
    expect(Math.max(...ahead)).toBeLessThanOrEqual(3 * KIB)
    expect(Math.max(...ahead)).toBeGreaterThan(1.5 * KIB)
  })

  it('begin again with little once what was asked for is gone before it was read', () => {
    const windows = new ReadWindows(defaultReadOptions)
    readOn(windows, 0, 40 * MIB)
    const read = { start: 40 * MIB, end: 40 * MIB + 128 * KIB }
    expect(windows.note(read, 'missing', plenty)).toEqual({ start: 40 * MIB, end: 42 * MIB + 128 * KIB })
  })

  it('do not open for reads within the first block', () => {
    const windows = new ReadWindows(defaultReadOptions)
    const ends = [0, 4, 8, 12, 16, 32].map(
      (start) => windows.note({ start: start * KIB, end: (start + 4) * KIB }, 'here', plenty).end,
    )
    expect(new Set(ends)).toEqual(new Set([64 * KIB]))
    expect(windows.isStreaming).toBe(false)
  })

  it('stay shut for reads of one place again and again', () => {
    const windows = new ReadWindows(defaultReadOptions)
    const place = { start: 128 * KIB, end: 256 * KIB }
    for (let i = 0; i < 10; i += 1) expect(windows.note(place, 'here', plenty)).toEqual(place)
  })

  it('open at once for who begins at the beginning, unless he asks for little', () => {
    const [much, little] = [new ReadWindows(defaultReadOptions), new ReadWindows(defaultReadOptions)]
    expect(much.note({ start: 0, end: 128 * KIB }, 'missing', plenty).end).toBe(MIB)
    expect(little.note({ start: 0, end: 64 * KIB }, 'missing', plenty).end).toBe(64 * KIB)
  })

  it('grow fourfold after a read that has waited, whatever those before the next step find', () => {
    const windows = new ReadWindows(defaultReadOptions)
    windows.note({ start: 0, end: 128 * KIB }, 'missing', plenty)
    expect(Math.max(...readOn(windows, 128 * KIB, MIB))).toBe(4 * KIB)
  })

  it('of a stream survive reads elsewhere', () => {
    const windows = new ReadWindows(defaultReadOptions)
    readOn(windows, 0, 4 * MIB)
    for (const start of [900, 500, 700].map((at) => at * MIB)) {
      windows.note({ start, end: start + 4 * KIB }, 'missing', plenty)
    }
    expect(windows.isStreaming).toBe(true)
    expect(readOn(windows, 4 * MIB, 8 * MIB).at(-1)).toBeGreaterThan(2 * KIB)
  })
})
