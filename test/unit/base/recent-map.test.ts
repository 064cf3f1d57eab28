import { describe, expect, it } from 'vitest'
import { RecentMap } from '../../../src/base/recent-map.ts'

function filled(count: number, keys: number): RecentMap<number, string> {
  const map = new RecentMap<number, string>(count)
  for (let key = 0; key < keys; key += 1) map.set(key, `of ${key}`)
  return map
}

const knownOf = (map: RecentMap<number, string>, keys: number) =>
  Array.from({ length: keys }, (_, key) => key).filter((key) => map.get(key) !== undefined)

describe('RecentMap', () => {
  it('knows at least as many keys as it was told to keep, those that were put in last', () => {
    for (const keys of [1, 99, 100, 101, 250, 1000]) {
      const map = filled(100, keys)
      const last = Array.from({ length: Math.min(100, keys) }, (_, i) => keys - 1 - i)
      expect(last.map((key) => map.get(key))).toEqual(last.map((key) => `of ${key}`))
    }
  })

  it('knows no more than twice as many', () => {
    expect(knownOf(filled(100, 1000), 1000).length).toBeLessThanOrEqual(200)
  })

  it('keeps what is asked for, however many others come', () => {
    const map = new RecentMap<number, string>(10)
    map.set(-1, 'in use')
    for (let key = 0; key < 1000; key += 1) {
      map.set(key, 'another')
      expect(map.get(-1)).toBe('in use')
    }
  })

  it('answers the last value of a key, also of one that was put in long ago', () => {
    const map = filled(10, 15)
    map.set(5, 'new')
    for (let key = 100; key < 109; key += 1) map.set(key, 'another')
    expect(map.get(5)).toBe('new')
  })
})
