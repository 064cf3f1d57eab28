import type { WireFile } from '../../api/types.ts'
import { ApiFailure } from '../failure.ts'
import { uploadPlace, type Op } from './place.ts'
import { presentFile } from './present.ts'
import { beginWrite, finishWrite, undoWrite } from './write.ts'

export interface PutArguments {
  uri: string
  previous: string | undefined
  /** What the request announces; a body without a length counts as empty. */
  sizeBytes: number
  /** Fails when the connection breaks. */
  body: AsyncIterable<Buffer>
}

/**
 * `PUT /file/content`: the whole content in one request. While the body is on its way the file shows a mark and others get 40073;
 * a broken body leaves the old state.
 * @throws {ApiFailure}
 */
export async function putContent(
  op: Op,
  { uri, previous, sizeBytes, body }: PutArguments,
): Promise<WireFile> {
  const { world } = op
  const place = uploadPlace(op, uri)
  if (sizeBytes > world.settings.maxPutBytes) throw new ApiFailure(40049)
  const write = beginWrite(op, place, { sizeBytes, previous, unstorableCode: 50004 })
  try {
    if (sizeBytes > 0) await receive(op, write.entity.number, { body, offset: 0, sizeBytes })
  } catch (error) {
    undoWrite(op, write)
    throw error
  }
  finishWrite(op, write)
  return presentFile(op, place, write.node)
}

/** Stores a body of exactly `sizeBytes` at `offset`; what is beyond is ignored. @throws {ApiFailure} 50004 it ended early */
export async function receive(
  { world }: Op,
  entity: number,
  { body, offset, sizeBytes }: { body: AsyncIterable<Buffer>; offset: number; sizeBytes: number },
): Promise<void> {
  let received = 0
  for await (const part of body) {
    const bytes = part.subarray(0, sizeBytes - received)
    if (bytes.length > 0) await world.entities.contents.write(entity, offset + received, bytes)
    received += bytes.length
  }
  if (received < sizeBytes) throw new ApiFailure(50004)
}
