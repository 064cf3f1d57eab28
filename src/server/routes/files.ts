import { ApiFailure, invalid } from '../failure.ts'
import { createObject } from '../files/create.ts'
import { deleteObjects, emptyTrash, restoreObjects } from '../files/delete.ts'
import { fileInfo } from '../files/info.ts'
import { listFolder } from '../files/listing.ts'
import { patchMetadata } from '../files/metadata.ts'
import { moveObjects, renameObject } from '../files/move.ts'
import { presentFile } from '../files/present.ts'
import { deleteVersion, setCurrentVersion } from '../files/versions.ts'
import { saveView } from '../files/view.ts'
import { ok } from '../http/answer.ts'
import {
  optionalBoolean,
  optionalString,
  optionalStringMap,
  queryInteger,
  requiredQuery,
  requiredString,
  stringList,
} from '../http/fields.ts'
import { readJson } from '../http/request.ts'
import type { Handler, Route } from '../router.ts'

const list: Handler = ({ op, query }) =>
  ok(
    listFolder(op, {
      uri: requiredQuery(query, 'uri'),
      page: queryInteger(query, 'page') ?? 0,
      pageSize: queryInteger(query, 'page_size'),
      orderBy: query.get('order_by') || undefined,
      orderDirection: query.get('order_direction') || undefined,
      token: query.get('next_page_token') || undefined,
    }),
  )

const info: Handler = ({ op, query }) =>
  ok(
    fileInfo(op, {
      uri: query.get('uri') || undefined,
      id: query.get('id') || undefined,
      isExtended: query.get('extended') === 'true',
      withSummary: query.get('folder_summary') === 'true',
    }),
  )

const create: Handler = async (request) => {
  const body = await readJson(request)
  const type = requiredString(body, 'type')
  if (type !== 'file' && type !== 'folder') throw invalid()
  const { place, node } = createObject(request.op, {
    uri: requiredString(body, 'uri'),
    isFolder: type === 'folder',
    metadata: optionalStringMap(body, 'metadata'),
    errorOnConflict: optionalBoolean(body, 'err_on_conflict'),
  })
  return ok(presentFile(request.op, place, node))
}

const maxNameCodePoints = 255

const rename: Handler = async (request) => {
  const body = await readJson(request)
  const newName = requiredString(body, 'new_name')
  if (Array.from(newName).length > maxNameCodePoints) throw invalid()
  const { place, node } = renameObject(request.op, requiredString(body, 'uri'), newName)
  const path = { ...place, elements: [...place.elements.slice(0, -1), newName] }
  return ok(presentFile(request.op, path, node))
}

const move: Handler = async (request) => {
  const body = await readJson(request)
  moveObjects(request.op, {
    uris: stringList(body, 'uris'),
    dst: requiredString(body, 'dst'),
    isCopy: optionalBoolean(body, 'copy') ?? false,
  })
  return ok()
}

const remove: Handler = async (request) => {
  const body = await readJson(request)
  deleteObjects(request.op, {
    uris: stringList(body, 'uris'),
    isPermanent: optionalBoolean(body, 'skip_soft_delete') ?? false,
    unlink: optionalBoolean(body, 'unlink') ?? false,
  })
  return ok()
}

const restore: Handler = async (request) => {
  restoreObjects(request.op, stringList(await readJson(request), 'uris'))
  return ok()
}

const clearTrash: Handler = ({ op }) => {
  emptyTrash(op)
  return ok()
}

const metadata: Handler = async (request) => {
  const body = await readJson(request)
  const uris = stringList(body, 'uris')
  patchMetadata(request.op, uris, readPatches(body['patches']))
  return ok()
}

function readPatches(value: unknown): { key: string; value: string | undefined }[] {
  if (!Array.isArray(value)) throw invalid()
  return value.map((patch: unknown) => {
    if (typeof patch !== 'object' || patch === null) throw invalid()
    const fields = patch as Record<string, unknown>
    if (optionalBoolean(fields, 'private')) throw invalid()
    const isRemoval = optionalBoolean(fields, 'remove') ?? false
    const key = requiredString(fields, 'key')
    return { key, value: isRemoval ? undefined : (optionalString(fields, 'value') ?? '') }
  })
}

const setVersion: Handler = async (request) => {
  const body = await readJson(request)
  setCurrentVersion(request.op, requiredString(body, 'uri'), requiredString(body, 'version'))
  return ok()
}

const removeVersion: Handler = async (request) => {
  const body = await readJson(request)
  deleteVersion(request.op, requiredString(body, 'uri'), requiredString(body, 'version'))
  return ok()
}

const view: Handler = async (request) => {
  const body = await readJson(request)
  saveView(request.op, requiredString(body, 'uri'), body['view'] ?? undefined)
  return ok()
}

const maxUnlockTokens = 16_384

/** Neither ownership nor a sign-in is asked for (api/00-live-account §2.1). */
const unlock: Handler = async (request) => {
  const body = await readJson(request)
  const tokens =
    Array.isArray(body['tokens']) && body['tokens'].length === 0 ? [] : stringList(body, 'tokens')
  const { locks } = request.world
  if (tokens.length > maxUnlockTokens) throw invalid()
  if (!tokens.every((token) => locks.isHeld(token))) throw new ApiFailure(40001)
  locks.release(tokens)
  return ok()
}

export const fileRoutes: Route[] = [
  { method: 'GET', pattern: '/file', handle: list },
  { method: 'GET', pattern: '/file/info', handle: info },
  { method: 'POST', pattern: '/file/create', handle: create },
  { method: 'POST', pattern: '/file/rename', handle: rename },
  { method: 'POST', pattern: '/file/move', handle: move },
  { method: 'DELETE', pattern: '/file', handle: remove },
  { method: 'POST', pattern: '/file/restore', handle: restore },
  { method: 'DELETE', pattern: '/file/trash', handle: clearTrash },
  { method: 'PATCH', pattern: '/file/metadata', handle: metadata },
  { method: 'POST', pattern: '/file/version/current', handle: setVersion },
  { method: 'DELETE', pattern: '/file/version', handle: removeVersion },
  { method: 'PATCH', pattern: '/file/view', handle: view },
  { method: 'DELETE', pattern: '/file/lock', handle: unlock },
]
