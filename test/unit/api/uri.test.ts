import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatUri, joinUri, lastName, parseUri, UriError, withoutPassword } from '../../../src/api/uri.ts'

const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => text !== '.' && text !== '..')
const uri = fc.record({
  fileSystem: fc.constantFrom('my' as const, 'share' as const, 'trash' as const),
  id: fc.string({ unit: 'grapheme', minLength: 1 }),
  password: fc.option(fc.string({ unit: 'grapheme', minLength: 1 }), { nil: undefined }),
  path: fc.array(name, { maxLength: 5 }),
})

describe('addresses', () => {
  it('come back from their text, whatever the names, ids and passwords are', () => {
    fc.assert(
      fc.property(uri, (address) => {
        expect(parseUri(formatUri(address))).toEqual(address)
      }),
    )
  })

  it('hold no character that ends a path or opens another part of an address', () => {
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), (path) => {
        const root = parseUri('cloudreve://my')
        const text = joinUri(root, path)
        expect(text).toMatch(/^cloudreve:\/\/my(\/[A-Za-z0-9\-_.!~*'()%]+)+$/)
        expect(text.split('/').length).toBe(3 + path.length)
      }),
    )
  })

  it('are written as the server writes them', () => {
    const root = parseUri('cloudreve://my/Projects')
    expect(joinUri(root, ['R&D', '50% done #1 + ü.txt'])).toBe(
      'cloudreve://my/Projects/R%26D/50%25%20done%20%231%20%2B%20%C3%BC.txt',
    )
    expect(formatUri(parseUri('cloudreve://my/'))).toBe('cloudreve://my')
    expect(formatUri(parseUri('CLOUDREVE://Kd7x@SHARE//a//b/'))).toBe('cloudreve://Kd7x@share/a/b')
  })

  it('lose the password of a share and nothing else', () => {
    fc.assert(
      fc.property(uri, (address) => {
        expect(withoutPassword(formatUri(address))).toBe(formatUri({ ...address, password: undefined }))
      }),
    )
  })

  it('name their last element, unless it is not UTF-8 or there is none', () => {
    expect(lastName('cloudreve://my/a/b%20c')).toBe('b c')
    expect(lastName('cloudreve://my/')).toBeUndefined()
    expect(lastName('cloudreve://x@share')).toBeUndefined()
    expect(lastName('cloudreve://my/%FF%FE')).toBeUndefined()
  })

  it('replace a lone surrogate instead of failing', () => {
    expect(joinUri(parseUri('cloudreve://my'), ['\ud800'])).toBe('cloudreve://my/%EF%BF%BD')
  })

  it.each([
    '',
    'my/Folder',
    'https://my/a',
    'cloudreve://',
    'cloudreve://other/a',
    'cloudreve://share',
    'cloudreve://my/%zz',
  ])('refuse %j without repeating it', (text) => {
    expect(() => parseUri(text)).toThrow(UriError)
  })
})
