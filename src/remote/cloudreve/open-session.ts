import { uploadSession, type WireUploadSession } from '../../api/schema.ts'
import { withoutPassword } from '../../api/uri.ts'
import { chunkRanges } from '../../transfer/upload/chunk-ranges.ts'
import type { SentChunk, UploadSession } from '../types.ts'

/** Less time than that is not enough to end an upload in. */
const SHORTEST_TIME_MS = 60_000

/** A session, and what was taken in it. */
export interface OpenSession {
  readonly wire: WireUploadSession
  /** By the server's clock. */
  readonly openedAtMs: number
  /** Of the content, bytes. */
  readonly sizeBytes: number
  readonly done: SentChunk[]
}

/** Every byte was taken: what is missing is the end. */
export function isAllSent({ wire, sizeBytes, done }: OpenSession): boolean {
  return done.length >= chunkRanges(sizeBytes, wire.chunk_size).length
}

/**
 * As it goes on record. With the addresses and keys that the storage wants to be shown, as nobody can ask for them again; without
 * the password that an address of a share may hold.
 */
export function recordOf({ wire, openedAtMs, sizeBytes }: OpenSession, requestUri: string): UploadSession {
  const uri = withoutPassword(wire.uri)
  const ticket = { wire: { ...wire, uri }, openedAtMs, sizeBytes, requestUri: withoutPassword(requestUri) }
  return { id: wire.session_id, uri, ticket: JSON.stringify(ticket) }
}

/** The session of that record, if it is for `requestUri` and a content of that size, and has time left. */
export function openAgain(
  { ticket }: UploadSession,
  chunks: readonly SentChunk[],
  wanted: { readonly requestUri: string; readonly sizeBytes: number; readonly nowMs: number },
): OpenSession | undefined {
  if (ticket === undefined) return undefined
  const known = JSON.parse(ticket) as {
    openedAtMs: number
    sizeBytes: number
    requestUri: string
    wire: unknown
  }
  const wire = uploadSession.safeParse(known.wire).data
  const isSame =
    known.requestUri === withoutPassword(wanted.requestUri) && known.sizeBytes === wanted.sizeBytes
  if (!wire || !isSame || wire.expires * 1000 < wanted.nowMs + SHORTEST_TIME_MS) return undefined
  const { openedAtMs, sizeBytes } = known
  return { wire: { ...wire, uri: wanted.requestUri }, openedAtMs, sizeBytes, done: [...chunks] }
}
