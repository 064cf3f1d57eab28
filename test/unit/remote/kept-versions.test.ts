import { describe, expect, it } from 'vitest'
import { lossByOverwriting, versionsKeptOf } from '../../../src/remote/kept-versions.ts'

describe('what the drive keeps of a file', () => {
  it.each([
    ['a.txt', { max: 10, extensions: [] }, 10],
    ['a.txt', { max: 0, extensions: [] }, Infinity],
    ['a.txt', { max: 1, extensions: [] }, 1],
    ['a.TXT', { max: 3, extensions: ['txt'] }, 3],
    ['a.odt', { max: 3, extensions: ['txt'] }, 1],
    ['txt', { max: 3, extensions: ['txt'] }, 1],
    ['a.txt', undefined, 1],
  ])('of %s, with %j, is %d contents', (name, kept, count) => {
    expect(versionsKeptOf(name, kept)).toBe(count)
  })

  it('is said where something is lost, and only there', () => {
    expect(lossByOverwriting(undefined)).toBeUndefined()
    expect(lossByOverwriting({ max: 2, extensions: [] })).toBeUndefined()
    expect(lossByOverwriting({ max: 0, extensions: [] })).toBeUndefined()
    expect(lossByOverwriting({ max: 1, extensions: [] })).toContain('no versions')
    expect(lossByOverwriting({ max: 5, extensions: ['odt', 'ods'] })).toContain('.odt, .ods only')
  })
})
