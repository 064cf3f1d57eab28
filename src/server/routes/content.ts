import { ApiFailure } from '../failure.ts'
import { putContent } from '../files/put.ts'
import { makeUrls } from '../files/urls.ts'
import { ok, type Answer } from '../http/answer.ts'
import { contentTypeOf } from '../http/content-types.ts'
import { optionalBoolean, optionalString, requiredQuery, stringList } from '../http/fields.ts'
import { parseRange, type ContentRange } from '../http/ranges.ts'
import { announcedLength, bodyOf, readJson, type ApiRequest } from '../http/request.ts'
import type { Handler, Route } from '../router.ts'
import type { Entity } from '../state/entities.ts'

const put: Handler = async (request) => {
  const { op, query, raw } = request
  const file = await putContent(op, {
    uri: requiredQuery(query, 'uri'),
    previous: query.get('previous') ?? undefined,
    sizeBytes: announcedLength(raw),
    body: bodyOf(request),
  })
  return ok(file)
}

const canDownloadArchives = 4

const url: Handler = async (request) => {
  const body = await readJson(request)
  const uris = stringList(body, 'uris')
  if (optionalBoolean(body, 'archive')) {
    const permission: readonly number[] = request.caller.user?.group.permission ?? []
    // Streamed archives are not part of this server; a group without the right gets the real answer.
    throw new ApiFailure(permission.includes(canDownloadArchives) ? 40019 : 40007)
  }
  const urls = makeUrls(request.op, {
    uris,
    entity: optionalString(body, 'entity'),
    download: optionalBoolean(body, 'download'),
    fresh: optionalBoolean(body, 'no_cache'),
    skipErrors: optionalBoolean(body, 'skip_error'),
  })
  if (optionalBoolean(body, 'redirect') && uris.length === 1)
    return { kind: 'redirect', location: urls.urls[0]!.url }
  return ok(urls)
}

/** Contents by signed URL; no token is needed. Errors are HTTP 200 with JSON (api/01 §12.3). */
const content: Handler = async (request) => {
  const { world, path, query, params, raw } = request
  world.urls.verify(path, query.get('sign'))
  const name = decodeURIComponent(params['name']!)
  const id = params['entity']!
  const entity = entityOf(request, id)
  const sizeBytes = entity?.sizeBytes ?? 0
  const etag = `"${id}"`
  const shared = { etag, 'cache-control': 'public, max-age=86400' }
  const precondition = checkPreconditions(request, etag)
  if (precondition !== undefined) return empty(precondition, shared)
  const range = rangeHeader(request, etag)
  const wanted = parseRange(range, sizeBytes)
  if (wanted.kind === 'unsatisfiable') {
    const text = wanted.isWellFormed ? 'invalid range: failed to overlap\n' : 'invalid range\n'
    const extent: Record<string, string> = wanted.isWellFormed
      ? { 'content-range': `bytes */${sizeBytes}` }
      : {}
    return {
      kind: 'text',
      status: 416,
      text,
      headers: { ...shared, ...extent, 'content-type': 'text/plain; charset=utf-8' },
    }
  }
  // A thumbnail is a PNG under the name of its file.
  const isNamed = !query.has('thumb')
  const type = contentTypeOf(
    isNamed ? name : '',
    await read(request, entity, { start: 0, end: Math.min(512, sizeBytes) }),
  )
  const headers = {
    ...shared,
    'accept-ranges': 'bytes',
    ...(raw.method === 'GET' ? { 'content-security-policy': 'sandbox' } : {}),
    ...(query.has('download')
      ? { 'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}` }
      : {}),
  }
  if (wanted.kind === 'partial' && wanted.ranges.length > 1)
    return multipart(request, entity, { ranges: wanted.ranges, type, headers })
  const part = wanted.kind === 'partial' ? wanted.ranges[0]! : { start: 0, end: sizeBytes }
  return {
    kind: 'stream',
    status: wanted.kind === 'partial' ? 206 : 200,
    headers: {
      ...headers,
      'content-type': type,
      'content-length': String(part.end - part.start),
      ...(wanted.kind === 'partial'
        ? { 'content-range': `bytes ${part.start}-${part.end - 1}/${sizeBytes}` }
        : {}),
    },
    body: pieces(request, entity, part),
  }
}

/** Undefined for the id of "no content". @throws {ApiFailure} 40077 the version is gone, 40001 no entity's id */
function entityOf({ world }: ApiRequest, id: string): Entity | undefined {
  const number = world.ids.decode('entity', id)
  if (number === undefined) throw new ApiFailure(40001)
  if (number === 0) return undefined
  const entity = world.entities.find(number)
  if (!entity) throw new ApiFailure(40077)
  return entity
}

function checkPreconditions({ raw }: ApiRequest, etag: string): 304 | 412 | undefined {
  const ifMatch = raw.headers['if-match']
  if (ifMatch !== undefined && !includesTag(ifMatch, etag)) return 412
  const ifNoneMatch = raw.headers['if-none-match']
  return ifNoneMatch !== undefined && includesTag(ifNoneMatch, etag) ? 304 : undefined
}

function includesTag(header: string, etag: string): boolean {
  return header.split(',').some((tag) => ['*', etag, `W/${etag}`].includes(tag.trim()))
}

/** `If-Range` counts with the strong tag only; anything else means the whole content. */
function rangeHeader({ raw }: ApiRequest, etag: string): string | undefined {
  const ifRange = raw.headers['if-range']
  return ifRange !== undefined && ifRange !== etag ? undefined : raw.headers.range
}

function empty(status: number, headers: Record<string, string>): Answer {
  return { kind: 'stream', status, headers, body: nothing() }
}

async function* nothing(): AsyncGenerator<Buffer> {}

const pieceBytes = 256 * 1024

/** Bytes of an entity piece by piece; nothing for HEAD. A stream that has begun runs to its end though the version is dropped. */
async function* pieces(
  request: ApiRequest,
  entity: Entity | undefined,
  { start, end }: ContentRange,
): AsyncGenerator<Buffer> {
  if (request.raw.method === 'HEAD') return
  for (let at = start; at < end; at += pieceBytes)
    yield await read(request, entity, { start: at, end: Math.min(end, at + pieceBytes) })
}

async function read(
  { world }: ApiRequest,
  entity: Entity | undefined,
  { start, end }: ContentRange,
): Promise<Buffer> {
  return entity ? world.entities.read(entity, start, end) : Buffer.alloc(0)
}

interface Multipart {
  ranges: ContentRange[]
  type: string
  headers: Record<string, string>
}

function multipart(
  request: ApiRequest,
  entity: Entity | undefined,
  { ranges, type, headers }: Multipart,
): Answer {
  const boundary = request.world.urls.boundary()
  const sizeBytes = entity?.sizeBytes ?? 0
  const heads = ranges.map(({ start, end }) =>
    Buffer.from(
      `\r\n--${boundary}\r\nContent-Range: bytes ${start}-${end - 1}/${sizeBytes}\r\nContent-Type: ${type}\r\n\r\n`,
    ),
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  const length =
    heads.reduce((sum, head, i) => sum + head.length + ranges[i]!.end - ranges[i]!.start, 0) + tail.length
  async function* body(): AsyncGenerator<Buffer> {
    for (const [i, head] of heads.entries()) {
      yield head
      yield* pieces(request, entity, ranges[i]!)
    }
    yield tail
  }
  return {
    kind: 'stream',
    status: 206,
    headers: {
      ...headers,
      'content-type': `multipart/byteranges; boundary=${boundary}`,
      'content-length': String(length),
    },
    body: request.raw.method === 'HEAD' ? nothing() : body(),
  }
}

export const contentRoutes: Route[] = [
  { method: 'PUT', pattern: '/file/content', handle: put },
  { method: 'POST', pattern: '/file/url', handle: url },
  {
    method: 'GET',
    pattern: '/file/content/:entity/:speed/:name',
    name: 'GET /file/content',
    handle: content,
  },
  {
    method: 'HEAD',
    pattern: '/file/content/:entity/:speed/:name',
    name: 'HEAD /file/content',
    handle: content,
  },
]
