/** Object stores with multipart uploads: S3, and those that speak nearly like it (api/04 §6.1 to §6.3). */
import { ApiFailure } from '../failure.ts'
import type { Answer } from '../http/answer.ts'
import type { ApiRequest } from '../http/request.ts'
import type { PolicyType } from '../options.ts'
import type { Handler, Route } from '../router.ts'
import { chunkCount, chunkLength, type UploadSession } from '../state/uploads.ts'
import { hasChunkLength, readBody, storePart, strayHeader } from './body.ts'
import { finishAtStorage } from './finish.ts'
import { checkUrl } from './signed-url.ts'

/** How one of them ends an upload. */
interface Manner {
  /** Headers that the signature of the last request covers. */
  readonly headers: Readonly<Record<string, string>>
  /** The parts are named in the last request; else it is empty. */
  readonly hasPartList: boolean
  /** It calls the server by itself. */
  readonly callsServer: boolean
}

const manners: Partial<Record<PolicyType, Manner>> = {
  s3: { headers: {}, hasPartList: true, callsServer: false },
  ks3: { headers: {}, hasPartList: true, callsServer: false },
  cos: { headers: { 'x-cos-forbid-overwrite': 'true' }, hasPartList: true, callsServer: false },
  oss: {
    headers: { 'x-oss-forbid-overwrite': 'true', 'x-oss-complete-all': 'yes' },
    hasPartList: false,
    callsServer: true,
  },
  obs: { headers: {}, hasPartList: true, callsServer: true },
}

const notSigned = () => xmlError(403, 'SignatureDoesNotMatch', 'The request does not match its signature')
const noUpload = () => xmlError(404, 'NoSuchUpload', 'The specified upload does not exist')

function part(store: PolicyType): Handler {
  return async (request) => {
    const session = sessionOf(request, store)
    if (!session) return noUpload()
    const index = Number(request.params['part']) - 1
    const refusal = refusalOf(request, session)
    if (refusal) return refusal
    if (request.raw.headers['content-length'] === undefined)
      return xmlError(411, 'MissingContentLength', 'You must provide the Content-Length header')
    if (!hasChunkLength(request, session, index)) return notSigned()
    const etag = `"${await storePart(request, session, index)}"`
    session.received.set(index, etag)
    return { kind: 'text', status: 200, text: '', headers: { etag } }
  }
}

function complete(store: PolicyType, manner: Manner): Handler {
  return async (request) => {
    const session = sessionOf(request, store)
    if (!session) return noUpload()
    const refusal = refusalOf(request, session)
    if (refusal) return refusal
    const isSigned = Object.entries(manner.headers).every(
      ([name, value]) => request.raw.headers[name] === value,
    )
    if (!isSigned) return notSigned()
    const body = (await readBody(request)).toString()
    const indexes = manner.hasPartList ? listedParts(body, session) : storedParts(body, session)
    if (!Array.isArray(indexes)) return indexes
    session.storedBytes = indexes.reduce((sum, index) => sum + chunkLength(session, index), 0)
    return manner.callsServer ? callServer(request, session) : xml(200, '<CompleteMultipartUploadResult/>')
  }
}

/** A session whose upload is not finished here. */
function sessionOf({ world, params }: ApiRequest, store: PolicyType): UploadSession | undefined {
  const session = world.uploads.findAny(params['session']!)
  return session?.storage === store && session.storedBytes === undefined ? session : undefined
}

function refusalOf(request: ApiRequest, session: UploadSession): Answer | undefined {
  const stray = strayHeader(request)
  if (stray) return xmlError(400, 'InvalidArgument', `Only one auth mechanism allowed; found ${stray}`)
  const state = checkUrl(request, session)
  if (state === 'unsigned') return xmlError(403, 'AccessDenied', 'Access Denied')
  if (state === 'expired') return xmlError(403, 'AccessDenied', 'Request has expired')
  const isOctets = request.raw.headers['content-type'] === 'application/octet-stream'
  return state === 'wrong' || !isOctets ? notSigned() : undefined
}

/** Indexes of the parts in the list, or why it is none. */
function listedParts(text: string, session: UploadSession): number[] | Answer {
  const list = [...text.matchAll(/<Part><PartNumber>(\d+)<\/PartNumber><ETag>([^<]*)<\/ETag><\/Part>/g)]
  if (list.length === 0 || !/^<CompleteMultipartUpload>.*<\/CompleteMultipartUpload>$/s.test(text))
    return xmlError(400, 'MalformedXML', 'The XML you provided was not well-formed')
  const parts = list.map(([, number, etag]) => ({ index: Number(number) - 1, etag }))
  if (parts.some(({ index }, i) => i > 0 && index <= parts[i - 1]!.index))
    return xmlError(400, 'InvalidPartOrder', 'The list of parts was not in ascending order')
  if (parts.some(({ index, etag }) => etag === undefined || session.received.get(index) !== etag))
    return xmlError(400, 'InvalidPart', 'One or more of the specified parts could not be found')
  return parts.map(({ index }) => index)
}

function storedParts(text: string, session: UploadSession): number[] | Answer {
  if (text !== '') return xmlError(400, 'InvalidArgument', 'The body must be empty')
  return [...session.received.keys()].filter((index) => index < chunkCount(session))
}

/** The object is stored whatever the server says of it. */
function callServer({ world }: ApiRequest, session: UploadSession): Answer {
  try {
    finishAtStorage(world, session)
    return xml(200, '<CompleteMultipartUploadResult/>')
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error
    return xmlError(203, 'CallbackFailed', `Error status: ${error.code}`)
  }
}

function xmlError(status: number, code: string, message: string): Answer {
  return xml(status, `<Error><Code>${code}</Code><Message>${message}</Message></Error>`)
}

function xml(status: number, text: string): Answer {
  const headers = { 'content-type': 'application/xml' }
  return { kind: 'text', status, text: `<?xml version="1.0" encoding="UTF-8"?>\n${text}`, headers }
}

export const objectStoreRoutes: Route[] = Object.entries(manners).flatMap(([name, manner]) => {
  const store = name as PolicyType
  return [
    {
      method: 'PUT',
      pattern: `//storage/${store}/:session/:part`,
      name: `PUT /storage/${store}`,
      handle: part(store),
    },
    {
      method: 'POST',
      pattern: `//storage/${store}/:session`,
      name: `POST /storage/${store}`,
      handle: complete(store, manner),
    },
  ]
})
