/** Qiniu's object store (api/04 §6.4). */
import { ApiFailure } from '../failure.ts'
import type { Answer } from '../http/answer.ts'
import type { ApiRequest } from '../http/request.ts'
import { readJson } from '../http/request.ts'
import type { Handler, Route } from '../router.ts'
import { chunkCount, chunkLength, type UploadSession } from '../state/uploads.ts'
import { hasChunkLength, hasCloudreveHeader, storePart } from './body.ts'
import { finishAtStorage } from './finish.ts'
import { json } from './json.ts'
import { tokenFor } from './signed-url.ts'

const part: Handler = async (request) => {
  const session = sessionOf(request)
  if (!session) return failed(612, 'no such uploadId')
  const refusal = refusalOf(request, session)
  if (refusal) return refusal
  const index = Number(request.params['part']) - 1
  const isThere = Number.isInteger(index) && index >= 0 && index < chunkCount(session)
  if (!isThere || !hasChunkLength(request, session, index)) return failed(400, 'invalid part')
  const etag = await storePart(request, session, index)
  session.received.set(index, etag)
  return json(200, { etag, md5: etag })
}

const complete: Handler = async (request) => {
  const session = sessionOf(request)
  if (!session) return failed(612, 'no such uploadId')
  const refusal = refusalOf(request, session)
  if (refusal) return refusal
  const { parts } = await readJson(request)
  const indexes = Array.isArray(parts) ? storedIndexes(parts, session) : undefined
  if (!indexes) return failed(400, 'invalid parts')
  session.storedBytes = indexes.reduce((sum, index) => sum + chunkLength(session, index), 0)
  try {
    finishAtStorage(request.world, session)
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error
    return failed(579, `callback failed: ${error.code}`)
  }
  return json(200, { key: session.id })
}

function sessionOf({ world, params }: ApiRequest): UploadSession | undefined {
  const session = world.uploads.findAny(params['session']!)
  return session?.storage === 'qiniu' && session.storedBytes === undefined ? session : undefined
}

function refusalOf(request: ApiRequest, session: UploadSession): Answer | undefined {
  const { world, raw } = request
  const isSigned = raw.headers.authorization === `UpToken ${tokenFor(world, session, 'qiniu')}`
  if (!isSigned || hasCloudreveHeader(request)) return failed(401, 'bad token')
  return world.time.nowMs() >= session.expiresAtMs ? failed(401, 'expired token') : undefined
}

/** All parts of the list, which must be in order and known by these names. */
function storedIndexes(parts: readonly unknown[], { received }: UploadSession): number[] | undefined {
  const indexes: number[] = []
  for (const part of parts as { etag?: unknown; partNumber?: unknown }[]) {
    const index = Number(part.partNumber) - 1
    if (received.get(index) !== part.etag || index <= (indexes.at(-1) ?? -1)) return undefined
    indexes.push(index)
  }
  return indexes
}

function failed(status: number, error: string): Answer {
  return json(status, { error })
}

export const qiniuRoutes: Route[] = [
  { method: 'PUT', pattern: '//storage/qiniu/:session/:part', name: 'PUT /storage/qiniu', handle: part },
  { method: 'POST', pattern: '//storage/qiniu/:session', name: 'POST /storage/qiniu', handle: complete },
]
