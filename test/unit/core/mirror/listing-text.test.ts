import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EntityId, FileId, RemoteEntry } from '../../../../src/remote/types.ts'
import { formatListing, parseListing } from '../../../../src/core/mirror/listing-text.ts'
import { remoteEntry, remoteFolder } from '../../../fakes/remote-entry.ts'

const folder = remoteFolder({ id: 'top' as FileId, name: 'My files', uri: 'cloudreve://my/My%20files' })

function roundTrip(entries: readonly RemoteEntry[]) {
  const own: string[] = []
  const listing = {
    entries: new Map(entries.map((entry) => [entry.name, entry])),
    folder,
    policy: { id: 'p', name: 'Default', type: 'local', maxSizeBytes: 0, relay: false },
    askedAtMs: 1_795_000_000_123,
    askedAt: 1_234.5,
    run: 'this one',
  }
  const text = formatListing(listing, ({ name }) => name.startsWith('own'))
  return { listing, text, parsed: parseListing(text, ({ name }) => own.push(name)), own }
}

describe('a listing as text', () => {
  it('says of each object everything that was known', () => {
    const name = fc
      .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
      .filter((text) => !text.includes('/'))
    const record = fc.record({
      name,
      id: fc.string({ minLength: 1 }),
      isFolder: fc.boolean(),
      sizeBytes: fc.maxSafeNat(),
      createdAtMs: fc.maxSafeNat().map((ms) => ms % 4_000_000_000_000),
      updatedAtMs: fc.maxSafeNat().map((ms) => ms % 4_000_000_000_000),
      entity: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
      metadata: fc.dictionary(fc.string(), fc.string(), { maxKeys: 2 }),
      shared: fc.boolean(),
      owned: fc.boolean(),
      capability: fc.constantFrom('w8edAQ==', 'AQ=='),
      uri: fc.constantFrom('plain', 'encoded', 'elsewhere', 'other'),
      uploadSessionId: fc.option(fc.uuid(), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.uniqueArray(record, { selector: ({ name }) => name, maxLength: 8 }), (records) => {
        const entries = records.map(({ isFolder, uri, ...rest }) => {
          const addresses: Record<string, string> = {
            plain: `${folder.uri}/${rest.name}`,
            encoded: `${folder.uri}/${encodeURIComponent(rest.name)}`,
            elsewhere: `cloudreve://my/elsewhere/${encodeURIComponent(rest.name)}`,
            other: `${folder.uri}/another`,
          }
          const typed = rest as typeof rest & { id: FileId; entity: EntityId | undefined }
          return remoteEntry({ ...typed, kind: isFolder ? 'folder' : 'file', uri: addresses[uri]! })
        })
        const { listing, parsed } = roundTrip(entries)
        expect(JSON.stringify([...parsed.entries])).toBe(JSON.stringify([...listing.entries]))
        expect(parsed.folder).toEqual(folder)
        expect({ ...parsed, entries: 0 }).toEqual({ ...listing, entries: 0 })
      }),
      { numRuns: 300 },
    )
  })

  it('names the records of changes of ours', () => {
    const entries = ['a', 'own b', 'c'].map((name) => remoteEntry({ name }))
    expect(roundTrip(entries).own).toEqual(['own b'])
  })

  it('takes less than 100 bytes for a file of a name of 20', () => {
    const entries = Array.from({ length: 1_000 }, (_, i) => {
      const name = `IMG_20261123_${1_000_000 + i}`
      const at = 1_790_000_000_000 + i * 3_000
      const id = `a${i}bc` as FileId
      const entity = `e${i}fg` as EntityId
      const uri = `${folder.uri}/${name}`
      return remoteEntry({
        id,
        name,
        entity,
        createdAtMs: at,
        updatedAtMs: at + 17,
        uri,
        sizeBytes: 3_456_789 + i,
      })
    })
    expect(roundTrip(entries).text.length / entries.length).toBeLessThan(100)
  })
})
