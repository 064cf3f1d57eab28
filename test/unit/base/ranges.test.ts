import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RangeSet, type ByteRange } from '../../../src/base/ranges.ts'

const limit = 64
const range = fc
  .tuple(fc.nat(limit), fc.nat(limit))
  .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))
const step = fc.record({ op: fc.constantFrom('add', 'remove', 'truncate'), range })

function bytesOf(ranges: readonly ByteRange[]): Set<number> {
  const bytes = new Set<number>()
  for (const { start, end } of ranges) for (let i = start; i < end; i += 1) bytes.add(i)
  return bytes
}

describe('RangeSet', () => {
  it('behaves like a set of bytes and stays sorted, disjoint and coalesced', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), range, (steps, probe) => {
        const set = new RangeSet()
        const model = new Set<number>()
        for (const {
          op,
          range: { start, end },
        } of steps) {
          if (op === 'truncate') {
            set.truncate(start)
            for (const byte of [...model]) if (byte >= start) model.delete(byte)
            continue
          }
          if (op === 'add') set.add({ start, end })
          else set.remove({ start, end })
          for (let i = start; i < end; i += 1)
            if (op === 'add') model.add(i)
            else model.delete(i)
        }
        expect(bytesOf(set.ranges)).toEqual(model)
        expect(set.sizeBytes).toBe(model.size)
        set.ranges.forEach((r, i) => {
          expect(r.end).toBeGreaterThan(r.start)
          if (i > 0) expect(r.start).toBeGreaterThan(set.ranges[i - 1]!.end)
        })
        const inside = [...bytesOf([probe])]
        expect(bytesOf(set.present(probe))).toEqual(new Set(inside.filter((b) => model.has(b))))
        expect(bytesOf(set.missing(probe))).toEqual(new Set(inside.filter((b) => !model.has(b))))
        expect(set.covers(probe)).toBe(inside.every((b) => model.has(b)))
      }),
    )
  })
})
