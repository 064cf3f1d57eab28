import { invalid } from '../failure.ts'
import { cancelSession, createSession, receiveChunk } from '../files/sessions.ts'
import { ok } from '../http/answer.ts'
import { optionalInteger, optionalString, optionalStringMap, requiredString } from '../http/fields.ts'
import { announcedLength, bodyOf, readJson } from '../http/request.ts'
import type { Handler, Route } from '../router.ts'

const create: Handler = async (request) => {
  const body = await readJson(request)
  return ok(
    createSession(request.op, {
      uri: requiredString(body, 'uri'),
      sizeBytes: optionalInteger(body, 'size') ?? 0,
      policyId: optionalString(body, 'policy_id'),
      lastModifiedMs: optionalInteger(body, 'last_modified'),
      metadata: optionalStringMap(body, 'metadata') ?? {},
      entityType: optionalString(body, 'entity_type') ?? '',
      previous: optionalString(body, 'previous'),
      encryptions: Array.isArray(body['encryption_supported']) ? body['encryption_supported'] : [],
    }),
  )
}

const chunk: Handler = async (request) => {
  const { params, raw } = request
  if (!/^\d+$/.test(params['index']!)) throw invalid()
  await receiveChunk(request.op, {
    sessionId: params['session']!,
    index: Number(params['index']),
    announcedBytes: announcedLength(raw),
    body: bodyOf(request),
  })
  return ok()
}

const cancel: Handler = async (request) => {
  const body = await readJson(request)
  cancelSession(request.op, requiredString(body, 'id'), requiredString(body, 'uri'))
  return ok()
}

export const uploadRoutes: Route[] = [
  { method: 'PUT', pattern: '/file/upload', handle: create },
  { method: 'POST', pattern: '/file/upload/:session/:index', name: 'POST /file/upload', handle: chunk },
  { method: 'DELETE', pattern: '/file/upload', handle: cancel },
]
