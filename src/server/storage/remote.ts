/** A slave node: another part of the installation, which takes chunks like the server itself (api/04 §5). */
import { ApiFailure } from '../failure.ts'
import { storeChunk } from '../files/sessions.ts'
import { ok } from '../http/answer.ts'
import { queryInteger } from '../http/fields.ts'
import { announcedLength, bodyOf } from '../http/request.ts'
import type { Handler, Route } from '../router.ts'
import { chunkCount, chunkLength } from '../state/uploads.ts'
import { hasCloudreveHeader } from './body.ts'
import { ownerOf } from './finish.ts'
import { tokenFor } from './signed-url.ts'

const chunk: Handler = async (request) => {
  const { world, raw, query, params } = request
  const session = world.uploads.findAny(params['session']!)
  if (session?.storage !== 'remote') throw new ApiFailure(40011)
  const { authorization } = raw.headers
  if (authorization === undefined) throw new ApiFailure(403)
  const isSigned = authorization === `Bearer Cr ${tokenFor(world, session, 'remote')}`
  if (!isSigned || hasCloudreveHeader(request)) throw new ApiFailure(40071)
  if (world.time.nowMs() >= session.expiresAtMs) throw new ApiFailure(40005)
  const index = queryInteger(query, 'chunk') ?? 0
  const announcedBytes = announcedLength(raw)
  const isThere = index >= 0 && index < chunkCount(session)
  if (!isThere || announcedBytes !== chunkLength(session, index)) throw new ApiFailure(40013)
  await storeChunk(ownerOf(world, session), session, { index, announcedBytes, body: bodyOf(request) })
  return ok()
}

export const remoteRoutes: Route[] = [
  { method: 'POST', pattern: '//storage/remote/:session', name: 'POST /storage/remote', handle: chunk },
]
