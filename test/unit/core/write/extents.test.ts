import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RangeSet } from '../../../../src/base/ranges.ts'
import { Extents } from '../../../../src/core/write/extents.ts'
import {
  formatChange,
  formatHead,
  parseSideCar,
  sideCarVersion,
  type SideCarChange,
} from '../../../../src/core/write/side-car.ts'

const limit = 40
type Step =
  | { op: 'write'; start: number; end: number }
  | { op: 'fetch'; start: number; end: number }
  | { op: 'truncate'; size: number }
  | { op: 'zero'; start: number; end: number }

const range = fc
  .tuple(fc.nat(limit), fc.nat(limit))
  .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))
const step: fc.Arbitrary<Step> = fc.oneof(
  range.map((r) => ({ op: 'write' as const, ...r })),
  range.map((r) => ({ op: 'fetch' as const, ...r })),
  range.map((r) => ({ op: 'zero' as const, ...r })),
  fc.nat(limit).map((size) => ({ op: 'truncate' as const, size })),
)

/** One letter a byte: `b`ase, `l`ocal, `z`ero. */
function applyToModel(model: string[], step: Step): void {
  if (step.op === 'truncate') {
    const before = model.length
    model.length = step.size
    model.fill('z', Math.min(before, step.size))
  } else if (step.op === 'write') {
    if (step.end <= step.start) return
    const before = model.length
    if (step.end > before) model.length = step.end
    if (step.start > before) model.fill('z', before, step.start)
    model.fill('l', step.start, step.end)
  } else if (step.op === 'zero') {
    model.fill('z', step.start, Math.min(step.end, model.length))
  } else {
    for (let i = step.start; i < Math.min(step.end, model.length); i += 1)
      if (model[i] === 'b') model[i] = 'l'
  }
}

/** What the side-car says of it; undefined: a new head. */
function apply(extents: Extents, step: Step): SideCarChange | undefined {
  if (step.op === 'truncate') {
    extents.truncate(step.size)
    return { t: step.size }
  }
  if (step.op === 'write') {
    extents.write(step)
    return { w: [step.start, step.end] }
  }
  if (step.op === 'zero') {
    extents.zero({ start: step.start, end: Math.min(step.end, extents.sizeBytes) })
    return undefined
  }
  extents.fetch(step)
  return { f: [step.start, step.end] }
}

function letters(extents: Extents): string {
  return extents
    .pieces({ start: 0, end: limit * 2 })
    .map(({ origin, start, end }) => origin[0]!.repeat(end - start))
    .join('')
}

describe('Extents', () => {
  it('know where each byte comes from, and a side-car gives the same answer', () => {
    fc.assert(
      fc.property(fc.nat(limit), fc.array(step, { maxLength: 30 }), fc.nat(30), (size, steps, cut) => {
        const extents = Extents.ofBase(size)
        const model = Array.from({ length: size }, () => 'b')
        const head = { version: sideCarVersion, label: 'a', uri: 'u', path: ['a'], base: 'absent' as const }
        const rest = {
          baseSizeBytes: size,
          replaces: 'absent' as const,
          createdAtMs: 0,
          modifiedAtMs: 0,
          hasStaleBytes: false,
          bootId: 'one',
          isSynced: false,
        }
        let sideCar = ''
        for (const [i, one] of steps.entries()) {
          if (i <= cut) sideCar = formatHead({ ...head, ...rest, extents: extents.toRecord() })
          const change = apply(extents, one)
          if (change) sideCar += formatChange(change)
          else sideCar = formatHead({ ...head, ...rest, extents: extents.toRecord() })
          applyToModel(model, one)
          expect(letters(extents)).toBe(model.join(''))
          const isAllLocal = (start: number) => model.slice(start).every((letter) => letter === 'l')
          for (let start = 0; start < model.length; start += 7)
            expect(extents.isLocal({ start, end: model.length })).toBe(isAllLocal(start))
          expect(letters(parseSideCar(`${sideCar}\n{"w":[1`, 'one').extents)).toBe(model.join(''))
        }
        expect(extents.isComplete).toBe(!model.includes('b'))
      }),
    )
  })

  it('settling makes a copy of the base of everything but what is newer', () => {
    const extents = Extents.ofBase(0)
    extents.write({ start: 0, end: 10 })
    extents.truncate(20)
    extents.write({ start: 4, end: 6 })
    extents.settle(new RangeSet([{ start: 4, end: 15 }]))
    expect(extents.written.ranges).toEqual([{ start: 4, end: 10 }])
    expect(extents.fetched.ranges).toEqual([{ start: 0, end: 4 }])
    expect(letters(extents)).toBe('l'.repeat(10) + 'z'.repeat(10))
  })
})
