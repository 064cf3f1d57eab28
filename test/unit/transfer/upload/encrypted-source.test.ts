import { createDecipheriv, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { WireUploadSession } from '../../../../src/api/schema.ts'
import { encryptedSource } from '../../../../src/transfer/upload/encrypted-source.ts'
import { bytesSource } from '../../../fakes/scripted-remote.ts'

const key = randomBytes(32)

const from = (hex: string) => Buffer.from(hex, 'hex')

function sessionWith(iv: Buffer, more: Record<string, string> = {}): WireUploadSession {
  const encrypt_metadata = {
    algorithm: 'aes-256-ctr',
    key_plain_text: key.toString('base64'),
    iv: iv.toString('base64'),
    ...more,
  }
  return { uri: 'cloudreve://my/a', encrypt_metadata } as WireUploadSession
}

describe('a content that is encrypted on its way out', () => {
  it.each([
    ['any counter', randomBytes(16)],
    ['a counter that begins with zeroes', Buffer.alloc(16)],
    ['a counter that wraps', Buffer.alloc(16, 0xff)],
  ])('is one stream, whatever its pieces, with %s', async (_, iv) => {
    const plain = randomBytes(1000)
    const source = encryptedSource(bytesSource(plain), sessionWith(iv))
    const bounds = [0, 1, 16, 17, 40, 512, 999, 1000]
    const pieces = await Promise.all(bounds.slice(1).map((end, i) => source.read(bounds[i]!, end)))
    const decipher = createDecipheriv('aes-256-ctr', key, iv)
    expect(Buffer.compare(decipher.update(Buffer.concat(pieces)), plain)).toBe(0)
    expect(source.sizeBytes).toBe(1000)
  })

  it('matches the example of NIST (SP 800-38A, F.5.5)', async () => {
    const iv = from('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff')
    const nistKey = from('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4')
    const plain = from('6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51')
    const session = sessionWith(iv, { key_plain_text: nistKey.toString('base64') })
    const second = await encryptedSource(bytesSource(plain), session).read(16, 32)
    expect(Buffer.from(second).toString('hex')).toBe('f443e3ca4d62b59aca84e990cacaf5c5')
  })

  it('is left as it is where the session does not ask for more', () => {
    const source = bytesSource(randomBytes(10))
    expect(encryptedSource(source, { uri: 'cloudreve://my/a' } as WireUploadSession)).toBe(source)
  })

  it.each([
    ['algorithm', { algorithm: 'aes-128-gcm' }],
    ['key', { key_plain_text: 'c2hvcnQ=' }],
    ['counter', { iv: 'c2hvcnQ=' }],
  ])('is not sent at all with an unknown %s', (_, more) => {
    const encrypting = () => encryptedSource(bytesSource(randomBytes(10)), sessionWith(randomBytes(16), more))
    expect(encrypting).toThrow(expect.objectContaining({ kind: 'malformed' }))
  })
})
