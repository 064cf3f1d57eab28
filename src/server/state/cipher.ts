import { createDecipheriv, randomBytes } from 'node:crypto'
import type { WireUploadCredential } from '../../api/types.ts'

export const algorithm = 'aes-256-ctr'

/** Key and first counter block of one content. */
export interface Cipher {
  readonly key: Buffer
  readonly iv: Buffer
}

/** The counter starts shortly before it wraps, so that clients meet that too. */
export function newCipher(): Cipher {
  return { key: randomBytes(32), iv: Buffer.concat([Buffer.alloc(15, 0xff), Buffer.from([0xfe])]) }
}

/** As a session hands it out (api/04 §8). */
export function presentCipher({ key, iv }: Cipher): NonNullable<WireUploadCredential['encrypt_metadata']> {
  return { algorithm, key_plain_text: key.toString('base64'), iv: iv.toString('base64'), key: null }
}

/** Bytes of a content that begin at `offset`, by running the cipher from the content's start up to there. */
export function decrypted({ key, iv }: Cipher, offset: number, bytes: Buffer): Buffer {
  const cipher = createDecipheriv(algorithm, key, iv)
  const stepBytes = 1024 * 1024
  for (let skipped = 0; skipped < offset; skipped += stepBytes)
    cipher.update(Buffer.alloc(Math.min(stepBytes, offset - skipped)))
  return cipher.update(bytes)
}
