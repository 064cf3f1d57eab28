import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NumberMap } from '../../../src/base/number-map.ts'

/** Few pages, so that they become empty, and some far away. */
const key = fc.oneof(
  fc.nat(200),
  fc.nat(200).map((n) => 2 ** 40 + n),
)
const step = fc.record({ op: fc.constantFrom('set', 'set', 'delete'), key, value: fc.nat() })

const byKey = (entries: Iterable<[number, number]>) => [...entries].sort(([a], [b]) => a - b)

describe('NumberMap', () => {
  it('holds what a Map holds, whatever is put in and taken away', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const map = new NumberMap<number, number>()
        const model = new Map<number, number>()
        for (const { op, key, value } of steps) {
          if (op === 'delete') expect(map.delete(key)).toBe(model.delete(key))
          else {
            map.set(key, value)
            model.set(key, value)
          }
          expect([map.get(key), map.has(key), map.size]).toEqual([model.get(key), model.has(key), model.size])
        }
        expect(byKey(map.entries())).toEqual(byKey(model))
        expect([...map.values()]).toEqual([...map.entries()].map(([, value]) => value))
        map.clear()
        expect([map.size, ...map.values()]).toEqual([0])
      }),
    )
  })

  it('goes on through what is left when something is taken away meanwhile', () => {
    const map = new NumberMap<number, object>()
    for (let key = 0; key < 1000; key += 1) map.set(key, {})
    const met: number[] = []
    for (const [key] of map.entries()) {
      met.push(key)
      map.delete(key)
      map.delete(key + 1)
    }
    expect(met).toEqual(Array.from({ length: 500 }, (_, i) => 2 * i))
  })
})
