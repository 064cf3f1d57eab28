import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { listedFile } from '../../../src/api/listed-file.ts'
import { file, listing } from '../../../src/api/schema.ts'

const usual = {
  type: 0,
  id: 'x',
  name: 'a',
  path: 'cloudreve://my/a',
  created_at: '2026-11-24T01:11:12.414820252Z',
  updated_at: '2026-11-24T01:11:12+02:00',
  size: 3,
  metadata: { 'tag:red': '#f00' },
  shared: true,
  owned: true,
  capability: 'w8edAQ==',
  primary_entity: 'jPia',
}

/** What a server, or something that is none, may say in the place of a member. */
const anything = fc.oneof(
  fc.constantFrom(null, undefined, '', 'text', 0, 7, 1.5, true, false, Number.NaN, Infinity, -1),
  fc.constantFrom('2026-01-01T00:00:00Z', '2026-13-01', {}, [], { a: 'b' }, { a: 1 }, ['x'], { a: null }),
)
const members = fc.record(
  Object.fromEntries(
    [...Object.keys(usual), 'extended_info', 'folder_summary', 'more'].map((name) => [name, anything]),
  ),
  { requiredKeys: [] },
)

describe('a record of a listing', () => {
  it('as servers answer it is read without the schema', () => {
    expect(listedFile(usual)).toEqual(file.parse(usual))
    expect(listedFile({ ...usual, metadata: null, more: 1 })).toEqual(
      file.parse({ ...usual, metadata: null }),
    )
  })

  it('is read as the schema reads it, or not at all', () => {
    fc.assert(
      fc.property(members, fc.boolean(), (some, isWhole) => {
        const raw = isWhole ? { ...usual, ...some } : some
        const plain = listedFile(raw)
        if (plain) expect(plain).toEqual(file.parse(raw))
      }),
      { numRuns: 2_000 },
    )
    for (const raw of [null, undefined, 1, 'x', [], [usual]]) expect(listedFile(raw)).toBeUndefined()
    expect(listedFile({ ...usual, metadata: JSON.parse('{"__proto__": "x"}') as unknown })).toBeUndefined()
  })

  it('that is unusual is read by the schema, and one that is wrong is named', () => {
    const parent = usual
    const files = [usual, { ...usual, shared: null, folder_summary: null }]
    expect(listing.parse({ files, parent }).files).toEqual(files.map((raw) => file.parse(raw)))
    expect(listing.parse({ files: null, parent }).files).toEqual([])
    const wrong = listing.safeParse({ files: [usual, { ...usual, id: 7 }], parent })
    expect(wrong.error?.issues[0]?.path).toEqual(['files', 1, 'id'])
    expect(listing.safeParse({ parent }).success).toBe(false)
  })
})
