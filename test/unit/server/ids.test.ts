import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Ids, type IdKind } from '../../../src/server/ids.ts'

const kinds: IdKind[] = ['user', 'file', 'entity', 'policy', 'share', 'directLink', 'activity']
const number = fc.oneof(fc.nat(2000), fc.nat(10_000_000))

describe('ids', () => {
  it('stand for one number of one kind and refuse to be another', () => {
    const ids = new Ids('salt')
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.constantFrom(...kinds), number, (kind, other, n) => {
        const id = ids.encode(kind, n)
        expect(id).toMatch(/^[0-9A-Za-z]{4,7}$/)
        expect(ids.decode(kind, id)).toBe(n)
        if (other !== kind) expect(ids.decode(other, id)).toBeUndefined()
      }),
    )
  })

  it('are all different, and different on every installation', () => {
    const [one, two] = [new Ids('one'), new Ids('two')]
    const made = kinds.flatMap((kind) => Array.from({ length: 500 }, (_, n) => one.encode(kind, n)))
    expect(new Set(made).size).toBe(made.length)
    const kept = Array.from({ length: 500 }, (_, n) => two.decode('file', one.encode('file', n)))
    expect(kept.filter((n) => n !== undefined).length).toBeLessThan(10)
  })
})
