/** OneDrive: fragments in order, to one URL that is known to nobody else (api/04 §6.6). */
import type { Answer } from '../http/answer.ts'
import type { ApiRequest } from '../http/request.ts'
import type { Handler, Route } from '../router.ts'
import { chunkCount, type UploadSession } from '../state/uploads.ts'
import { hasChunkLength, storePart, strayHeader } from './body.ts'
import { json } from './json.ts'
import { checkUrl } from './signed-url.ts'

const fragment: Handler = async (request) => {
  const session = sessionOf(request)
  if (!session) return gone()
  if (strayHeader(request)) return failed(401, 'unauthenticated')
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(request.raw.headers['content-range'] ?? '')
  if (!range) return failed(400, 'invalidRequest', 'missingContentRange')
  const [start = 0, last = 0, total = 0] = range.slice(1).map(Number)
  const index = session.received.size
  const expected = nextByte(session)
  if (start < expected) return failed(416, 'invalidRange', 'fragmentOverlap')
  if (start > expected) return failed(416, 'invalidRange', 'fragmentOutOfOrder')
  const isWhole = hasChunkLength(request, session, index)
  const length = Number(request.raw.headers['content-length'])
  if (total !== session.sizeBytes || !isWhole || last - start + 1 !== length)
    return failed(400, 'invalidRequest', 'invalidContentLength')
  session.received.set(index, await storePart(request, session, index))
  if (session.received.size < chunkCount(session)) return status(202, session)
  session.storedBytes = session.sizeBytes
  return json(201, { id: session.id, size: session.sizeBytes })
}

const progress: Handler = (request) => {
  const session = sessionOf(request)
  return session ? status(200, session) : gone()
}

/** The URL ends with the upload. */
function sessionOf(request: ApiRequest): UploadSession | undefined {
  const session = request.world.uploads.findAny(request.params['session']!)
  if (session?.storage !== 'onedrive' || session.storedBytes !== undefined) return undefined
  return checkUrl(request, session) === 'valid' ? session : undefined
}

function nextByte({ received, chunkSizeBytes }: UploadSession): number {
  return received.size * chunkSizeBytes
}

function status(code: number, session: UploadSession): Answer {
  return json(code, { nextExpectedRanges: [`${nextByte(session)}-`] })
}

function gone(): Answer {
  return failed(404, 'itemNotFound')
}

function failed(code: number, name: string, inner?: string): Answer {
  const innererror = inner === undefined ? {} : { innererror: { code: inner } }
  return json(code, { error: { code: name, message: `The request failed: ${name}`, ...innererror } })
}

export const onedriveRoutes: Route[] = [
  { method: 'PUT', pattern: '//storage/onedrive/:session', name: 'PUT /storage/onedrive', handle: fragment },
  { method: 'GET', pattern: '//storage/onedrive/:session', name: 'GET /storage/onedrive', handle: progress },
]
