/**
 * A content encrypted before it leaves: one AES-256-CTR stream over the whole file, of which any range can be made by itself
 * (api/04 §8). The key belongs to one session and so to one content that does not change: other bytes need a new session, and
 * get a new key. Two contents under one key stream would give both away.
 */
import { createCipheriv } from 'node:crypto'
import { withoutPassword } from '../../api/uri.ts'
import { ENCRYPTION } from '../../api/endpoints/uploads.ts'
import type { WireUploadSession } from '../../api/schema.ts'
import { StorageError } from '../storage-error.ts'
import type { ByteSource } from '../upload-source.ts'

const BLOCK_BYTES = 16
const KEY_BYTES = 32
const COUNTERS = 1n << 128n

/**
 * `source` as the session wants it sent.
 * @throws {StorageError} `malformed` when it wants a way of encrypting that is not known here: plain bytes would be decrypted when read
 */
export function encryptedSource(
  source: ByteSource,
  { encrypt_metadata: wanted, uri }: WireUploadSession,
): ByteSource {
  if (!wanted) return source
  const key = Buffer.from(wanted.key_plain_text, 'base64')
  const iv = Buffer.from(wanted.iv, 'base64')
  if (wanted.algorithm !== ENCRYPTION || key.length !== KEY_BYTES || iv.length !== BLOCK_BYTES) {
    throw new StorageError(
      'malformed',
      `${withoutPassword(uri)}: the server wants the content encrypted in a way that is not known here`,
    )
  }
  return {
    sizeBytes: source.sizeBytes,
    read: async (start, end) => {
      const cipher = createCipheriv(ENCRYPTION, key, counterAt(iv, start))
      cipher.update(Buffer.alloc(start % BLOCK_BYTES))
      return cipher.update(await source.read(start, end))
    },
  }
}

/** Counter of the block that holds byte `offset`: big-endian, wraps at 2^128. */
function counterAt(iv: Buffer, offset: number): Buffer {
  const first = BigInt(`0x${iv.toString('hex')}`)
  const counter = (first + BigInt(Math.floor(offset / BLOCK_BYTES))) % COUNTERS
  return Buffer.from(counter.toString(16).padStart(2 * BLOCK_BYTES, '0'), 'hex')
}
