import { expect, it } from 'vitest'
import { hash52 } from '../../../src/base/string-hash.ts'

it('a hash is the one that its author publishes, cut to 52 bits', () => {
  const published: [string, number][] = [
    ['a', 7_929_297_801_672_961],
    ['b', 8_684_336_938_537_663],
    ['revenge', 4_051_478_007_546_757],
    ['revenue', 8_309_097_637_345_594],
  ]
  for (const [text, hash] of published) expect(hash52(text)).toBe(hash % 2 ** 52)
})

it('hashes of many short ids do not meet, and fill all bits', () => {
  const hashes = new Set(Array.from({ length: 100_000 }, (_, i) => hash52(i.toString(36))))
  expect(hashes.size).toBe(100_000)
  const counts = Array.from({ length: 52 }, () => 0)
  for (const hash of hashes)
    for (let rest = hash, bit = 0; bit < 52; bit += 1, rest = Math.floor(rest / 2)) counts[bit]! += rest % 2
  for (const count of counts) expect(Math.abs(count - 50_000)).toBeLessThan(1_000)
})
