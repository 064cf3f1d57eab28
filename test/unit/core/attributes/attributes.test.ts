import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import {
  decodeAttributes,
  encodeLinkTarget,
  encodeMode,
  encodeMtime,
  encodeXattr,
  isOwnKey,
} from '../../../../src/core/attributes/index.ts'
import type { EntityId, MetadataPatch, RemoteEntry } from '../../../../src/remote/types.ts'
import { remoteEntry, remoteFolder } from '../../../fakes/remote-entry.ts'

const refuses = (errno: number) => expect.objectContaining({ name: 'FsError', errno }) as unknown

function withPatches(entry: RemoteEntry, ...patches: MetadataPatch[]): RemoteEntry {
  const metadata = new Map(Object.entries(entry.metadata))
  for (const { key, value } of patches) {
    if (value === undefined) metadata.delete(key)
    else metadata.set(key, value)
  }
  return { ...entry, metadata: Object.fromEntries(metadata) }
}

const decodePatched = (entry: RemoteEntry, ...patches: MetadataPatch[]) =>
  decodeAttributes(withPatches(entry, ...patches))

const bytesByName = (pairs: Iterable<readonly [string, Uint8Array]>) =>
  new Map([...pairs].map(([name, value]) => [name, [...value]]))

const timespec = fc.record({
  seconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
})

describe('an object without metadata', () => {
  it('has nothing stored', () => {
    const nothing = { mode: undefined, mtime: undefined, linkTarget: undefined, xattrs: new Map() }
    expect(decodeAttributes(remoteEntry())).toEqual({ kind: 'file', ...nothing })
    expect(decodeAttributes(remoteFolder())).toEqual({ kind: 'folder', ...nothing })
  })

  it('has nothing stored when only others keep pairs with it', () => {
    const metadata = {
      'tag:red': '',
      'customize:emoji': 'x',
      'customize:mode': '0777',
      'dav:mtime': '1.000000000 size=5',
    }
    expect(decodeAttributes(remoteEntry({ metadata }))).toEqual(decodeAttributes(remoteEntry()))
    expect(Object.keys(metadata).filter(isOwnKey)).toEqual([])
  })
})

describe('mode', () => {
  it('comes back for all 4,096 values', () => {
    for (let mode = 0; mode <= 0o7777; mode += 1) {
      expect(decodePatched(remoteEntry(), encodeMode(mode)).mode).toBe(mode)
    }
  })

  it('is the default again after it was removed', () => {
    expect(decodePatched(remoteEntry(), encodeMode(0o755), encodeMode(undefined)).mode).toBeUndefined()
  })

  it('stays with other content', () => {
    const entry = withPatches(remoteEntry(), encodeMode(0o600))
    expect(decodeAttributes({ ...entry, entity: 'e2' as EntityId, sizeBytes: 77 }).mode).toBe(0o600)
  })

  it.each([-1, 0o10000, 1.5])('%d is a bug of the caller', (mode) => {
    expect(() => encodeMode(mode)).toThrow(/12 permission bits/)
  })
})

describe('mtime', () => {
  const time = { seconds: 1_700_000_000, nanoseconds: 7 }

  it('comes back to the nanosecond, before 1970 too', () => {
    fc.assert(
      fc.property(timespec, (mtime) => {
        const patch = encodeMtime(mtime, { entity: 'e1' as EntityId })
        expect(decodePatched(remoteEntry(), patch).mtime).toEqual(mtime)
      }),
    )
  })

  it('of a content by its id is ignored for any other, also of the same size', () => {
    const entry = withPatches(remoteEntry(), encodeMtime(time, { entity: 'e1' as EntityId }))
    expect(decodeAttributes(entry).mtime).toEqual(time)
    expect(decodeAttributes({ ...entry, entity: 'e2' as EntityId }).mtime).toBeUndefined()
    expect(decodeAttributes({ ...entry, entity: undefined, sizeBytes: 0 }).mtime).toBeUndefined()
  })

  it('of a size holds for any content of just that size', () => {
    const entry = withPatches(remoteEntry(), encodeMtime(time, { sizeBytes: 5 }))
    expect(decodeAttributes({ ...entry, entity: 'e2' as EntityId }).mtime).toEqual(time)
    expect(decodeAttributes({ ...entry, sizeBytes: 6 }).mtime).toBeUndefined()
  })

  it('of an empty file that never had content goes by the size', () => {
    const empty = remoteEntry({ sizeBytes: 0, entity: undefined })
    expect(decodePatched(empty, encodeMtime(time, { sizeBytes: 0 })).mtime).toEqual(time)
  })

  it('of a folder holds for folders only', () => {
    const patch = encodeMtime(time, 'folder')
    expect(decodePatched(remoteFolder(), patch).mtime).toEqual(time)
    expect(decodePatched(remoteEntry(), patch).mtime).toBeUndefined()
    expect(decodePatched(remoteFolder(), encodeMtime(time, { sizeBytes: 0 })).mtime).toBeUndefined()
  })

  it('is gone after it was removed', () => {
    expect(
      decodePatched(remoteFolder(), encodeMtime(time, 'folder'), encodeMtime(undefined, 'folder')).mtime,
    ).toBeUndefined()
  })
})

describe('a symbolic link', () => {
  const empty = remoteEntry({ sizeBytes: 0, entity: undefined })

  it.each(['../a', '/absolute/path', 'with space\nand line', '日本', ':?*', 'x'.repeat(4095)])(
    'to %j comes back',
    (target) => {
      expect(decodePatched(empty, encodeLinkTarget(target))).toMatchObject({
        kind: 'symlink',
        linkTarget: target,
      })
    },
  )

  it('is a plain file once it got content elsewhere, and never a folder', () => {
    const link = withPatches(empty, encodeLinkTarget('x'))
    expect(decodeAttributes({ ...link, sizeBytes: 1 })).toMatchObject({ kind: 'file', linkTarget: undefined })
    expect(decodeAttributes({ ...link, kind: 'folder' })).toMatchObject({
      kind: 'folder',
      linkTarget: undefined,
    })
  })

  it('is a file again after its target was removed', () => {
    expect(decodePatched(empty, encodeLinkTarget('x'), encodeLinkTarget(undefined)).kind).toBe('file')
  })

  it.each([
    ['', Errno.ENOENT],
    ['x'.repeat(4096), Errno.ENAMETOOLONG],
    ['a\uFFFD', Errno.EILSEQ],
    ['\uD800', Errno.EILSEQ],
    ['a\0b', Errno.EINVAL],
  ])('to %j is refused', (target, errno) => {
    expect(() => encodeLinkTarget(target)).toThrow(refuses(errno))
  })
})

describe('extended attributes of users', () => {
  const xattrName = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
    .filter((name) => !/[\0\p{Surrogate}\u{FFFD}]/u.test(name) && Buffer.byteLength(name) <= 250)

  it('come back, whatever their names and bytes are', () => {
    fc.assert(
      fc.property(fc.dictionary(xattrName, fc.uint8Array({ maxLength: 50 }), { maxKeys: 5 }), (xattrs) => {
        const patches = Object.entries(xattrs).map(([name, value]) => encodeXattr(name, value))
        const { xattrs: found } = decodePatched(remoteEntry(), ...patches)
        expect(bytesByName(found)).toEqual(bytesByName(Object.entries(xattrs)))
        for (const { key } of patches) {
          expect(isOwnKey(key)).toBe(true)
          expect(key).toMatch(/^[a-z0-9.:%_-]{1,255}$/)
        }
      }),
    )
  })

  it('that differ in case only have keys that differ without case', () => {
    const keys = ['Note', 'note', 'NOTE'].map((name) => encodeXattr(name, new Uint8Array()).key.toLowerCase())
    expect(new Set(keys).size).toBe(3)
  })

  it.each(['x'.repeat(250), 'X'.repeat(250), '日'.repeat(83)])(
    'may have a name of 255 bytes with its prefix',
    (name) => {
      const value = new Uint8Array([0, 255, 10])
      const patch = encodeXattr(name, value)
      expect(patch.key.length).toBeLessThanOrEqual(255)
      expect(new Map(decodePatched(remoteEntry(), patch).xattrs)).toEqual(
        new Map([[name, Buffer.from(value)]]),
      )
      expect(decodePatched(remoteEntry(), patch, encodeXattr(name, undefined)).xattrs.size).toBe(0)
    },
  )

  it('are limited to what a metadata value holds', () => {
    const most = encodeXattr('a', new Uint8Array(49_149))
    expect(most.value!.length).toBeLessThanOrEqual(65_535)
    expect(() => encodeXattr('a', new Uint8Array(49_152))).toThrow(refuses(Errno.ENOSPC))
    expect(() => encodeXattr('a', new Uint8Array(65_536))).toThrow(refuses(Errno.ENOSPC))
    expect(() => encodeXattr('a', new Uint8Array(65_537))).toThrow(refuses(Errno.E2BIG))
  })

  it.each([
    ['', Errno.EINVAL],
    ['a\0', Errno.EINVAL],
    ['a\uFFFD', Errno.EILSEQ],
    ['x'.repeat(251), Errno.ERANGE],
  ])('with the name %j are refused', (name, errno) => {
    expect(() => encodeXattr(name, new Uint8Array())).toThrow(refuses(errno))
  })
})

describe('values that make no sense', () => {
  const keys = [
    encodeMode(0).key,
    encodeMtime(undefined, 'folder').key,
    encodeXattr('a', undefined).key,
    encodeXattr('A'.repeat(200), undefined).key,
    `${encodeXattr('a', undefined).key}%zz`,
    `${encodeXattr('a', undefined).key}%ff`,
  ]

  it.each([
    '',
    'x',
    '99999',
    '8',
    '0x1f!',
    '-1',
    'NaN.000000000 folder',
    '1.5 size=5',
    '1.000000000 size=',
    'a===',
    ':',
    '\0',
  ])('%j is ignored', (value) => {
    const metadata = Object.fromEntries(
      keys.filter((_, i) => i !== 2 || value !== '').map((key) => [key, value]),
    )
    expect(decodeAttributes(remoteEntry({ metadata }))).toEqual(decodeAttributes(remoteEntry()))
  })

  it('never make a listing fail', () => {
    const pair = fc.tuple(
      fc.oneof(
        fc.constantFrom(...keys, encodeLinkTarget('x').key),
        fc.string().map((rest) => keys[2]! + rest),
      ),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(fc.array(pair), (pairs) => {
        const attributes = decodeAttributes(remoteEntry({ metadata: Object.fromEntries(pairs) }))
        expect(attributes.mode ?? 0).toBeLessThanOrEqual(0o7777)
      }),
    )
  })
})
