import { createHash } from 'node:crypto'
import { receive } from '../files/put.ts'
import { announcedLength, bodyOf, type ApiRequest } from '../http/request.ts'
import { chunkLength, type UploadSession } from '../state/uploads.ts'

/** Whether the request announces exactly the bytes of chunk `index`. */
export function hasChunkLength({ raw }: ApiRequest, session: UploadSession, index: number): boolean {
  return raw.headers['content-length'] !== undefined && announcedLength(raw) === chunkLength(session, index)
}

/** Stores the body as chunk `index`; its MD5 in hex, which is what storages call it. */
export async function storePart(request: ApiRequest, session: UploadSession, index: number): Promise<string> {
  const hash = createHash('md5')
  async function* hashed() {
    for await (const piece of bodyOf(request)) {
      hash.update(piece)
      yield piece
    }
  }
  const offset = index * session.chunkSizeBytes
  const part = { body: hashed(), offset, sizeBytes: chunkLength(session, index) }
  await receive(request.op, session.write.entity.number, part)
  return hash.digest('hex')
}

/** The whole body as it came. */
export async function readBody(request: ApiRequest): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of bodyOf(request)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Headers that only Cloudreve is to see: its token, and its own. */
export function strayHeader({ raw }: ApiRequest): string | undefined {
  return Object.keys(raw.headers).find((name) => name === 'authorization' || name.startsWith('x-cr-'))
}

/** Only the headers of Cloudreve itself, for storages with an `Authorization` of their own. */
export function hasCloudreveHeader({ raw }: ApiRequest): boolean {
  return Object.keys(raw.headers).some((name) => name.startsWith('x-cr-'))
}
