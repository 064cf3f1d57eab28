import { describe, expect, it } from 'vitest'
import { parseShareLink } from '../../../src/api/share-link.ts'
import { UriError } from '../../../src/api/uri.ts'

const share = { fileSystem: 'share', id: 'Kd7x', password: undefined, path: [] }

describe('the link of a share', () => {
  it.each([
    ['https://cloud.example.com/s/Kd7x', share],
    ['https://cloud.example.com/s/Kd7x/?lang=de#top', share],
    ['https://cloud.example.com/s/Kd7x/pw1', { ...share, password: 'pw1' }],
    [
      'https://cloud.example.com/home?path=cloudreve%3A%2F%2FKd7x%40share%2Fsub%2520dir',
      { ...share, path: ['sub dir'] },
    ],
    [
      'https://cloud.example.com/home?path=cloudreve%3A%2F%2FKd7x%3Apw1%40share',
      { ...share, password: 'pw1' },
    ],
  ])('%s', (link, root) => {
    expect(parseShareLink(link)).toEqual({ origin: 'https://cloud.example.com', root })
  })

  it('keeps the port and the scheme of its server', () => {
    expect(parseShareLink('http://127.0.0.1:5212/s/Kd7x')?.origin).toBe('http://127.0.0.1:5212')
  })

  it('is none where it is no web address', () => {
    expect(parseShareLink('cloudreve://Kd7x@share')).toBeUndefined()
  })

  it.each([
    'https://cloud.example.com/',
    'https://cloud.example.com/s/',
    'https://cloud.example.com/s/a/b/c',
    'https://cloud.example.com/home?path=cloudreve%3A%2F%2Fmy%2FPrivate',
    'https://cloud.example.com/f/Kd7x/a.txt',
    'https://cloud.example.com/s/%ff',
    'https://',
  ])('%s is another one, and the sentence repeats nothing of it', (text) => {
    expect(() => parseShareLink(text)).toThrow(UriError)
    expect(() => parseShareLink(text)).not.toThrow(/Kd7x|Private/)
  })
})
