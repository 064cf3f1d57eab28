/** From an HTTP answer to the `data` of Cloudreve's envelope, or to an `ApiError` (api/01 §2, §3, §6). */
import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { Code } from './codes.ts'
import { ApiError, type RefusedItem } from './errors.ts'
import { withoutPassword } from './uri.ts'

const envelope = z.object({
  code: z.number(),
  msg: z.string().nullish(),
  data: z.unknown().optional(),
  aggregated_error: z.record(z.string(), z.object({ code: z.number(), msg: z.string().nullish() })).nullish(),
})

const lockHolders = z.array(
  z.object({ owner: z.object({ application: z.object({ type: z.string() }) }).nullish() }),
)

export interface AnswerContext {
  /** `GET /file` */
  readonly endpoint: string
  readonly mutating: boolean
  /** What the call was about, for the message: an address without password, or words. */
  readonly subject: string
  /** Codes besides 0 that are answers. */
  readonly accept?: readonly number[] | undefined
  /** What the request carried and no message may repeat. */
  readonly secrets?: readonly string[] | undefined
}

interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/**
 * `data` of a successful answer.
 * @throws {ApiError} for everything else
 */
export function openEnvelope(answer: RawAnswer, context: AnswerContext): unknown {
  const parsed = envelope.safeParse(parseJson(answer))
  if (!parsed.success) throw notAnEnvelope(answer, context)
  const { code, msg, data, aggregated_error: aggregated } = parsed.data
  if (code === Code.ok || context.accept?.includes(code)) return data
  const items = refusedItems(aggregated ?? {}, context)
  if (code === Code.batchIncomplete && items.length > 0) throw batchError(items, context)
  throw refusal({ code, message: msg ?? '', holder: holderOf(code, data) }, context)
}

interface Refusal {
  readonly items?: readonly RefusedItem[]
  readonly code: number
  readonly message: string
  readonly holder?: string | undefined
}

function refusal({ code, message, holder, items }: Refusal, context: AnswerContext): ApiError {
  const said = message === '' ? `code ${code}` : `${message} (code ${code})`
  return new ApiError(
    'refused',
    `${context.subject}: the server says: ${withoutSecrets(said, context.secrets)}`,
    {
      ...context,
      code,
      holder,
      ...(items ? { items } : {}),
    },
  )
}

/** One item is its own error; many keep theirs side by side. */
function batchError(items: readonly RefusedItem[], context: AnswerContext): ApiError {
  const [first] = items
  if (first && items.length === 1) {
    return refusal({ code: first.code, message: first.message, items }, { ...context, subject: first.uri })
  }
  const listed = items.map((item) => `${item.uri} (${item.message}, code ${item.code})`).join('; ')
  return new ApiError('batch', `${items.length} objects were refused by the server: ${listed}`, {
    ...context,
    code: Code.batchIncomplete,
    items,
  })
}

function refusedItems(
  aggregated: Record<string, { code: number; msg?: string | null | undefined }>,
  { secrets }: AnswerContext,
): RefusedItem[] {
  return Object.entries(aggregated).map(([uri, { code, msg }]) => ({
    uri: withoutPassword(uri),
    code,
    message: withoutSecrets(msg ?? '', secrets),
  }))
}

/** Of several holders one whose lock lasts, when there is one: waiting for the short ones does not help then. */
function holderOf(code: number, data: unknown): string | undefined {
  if (code !== Code.locked) return undefined
  const parsed = lockHolders.safeParse(data)
  if (!parsed.success) return undefined
  const types = parsed.data.map((lock) => lock.owner?.application.type ?? 'unknown')
  return types.find(isLastingHolder) ?? types[0]
}

/** Locks that outlive a request (api/01 §5). */
export function isLastingHolder(application: string): boolean {
  return application === 'upload' || application === 'dav' || application === 'viewer'
}

function notAnEnvelope({ status, headers }: RawAnswer, context: AnswerContext): ApiError {
  const type = (headers['content-type'] ?? 'no content type').split(';')[0]
  const details = { ...context, status }
  if (status === 404) {
    return new ApiError('no-route', `the server does not know the call ${context.endpoint}`, details)
  }
  const what = `${context.subject}: HTTP ${status} (${type}) instead of an answer to ${context.endpoint}`
  if (status === 429 || status === 503) return new ApiError('busy', `${what}: the server is busy`, details)
  if (status >= 300 && status < 400) {
    const target = originOf(headers.location)
    return new ApiError(
      'malformed',
      `${what}: the server sends its callers on to ${target}; use that address`,
      details,
    )
  }
  if (status === 413) {
    const hint =
      'a proxy before the server refuses requests of this size; its operator has to raise the limit'
    return new ApiError('gateway', `${what}: ${hint}`, details)
  }
  if (status >= 400) return new ApiError('gateway', `${what}: a proxy or the server failed`, details)
  return new ApiError('malformed', `${what}: is this the address of a Cloudreve server?`, details)
}

/** Nothing but scheme and host: the rest may hold what nobody should see. */
function originOf(location: string | undefined): string {
  return /^https?:\/\/[^/?#@]+/i.exec(location ?? '')?.[0] ?? 'another place'
}

function parseJson({ text }: RawAnswer): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Passwords of shares, signatures, and `known` secrets that the server's own words may repeat. */
export function withoutSecrets(text: string, known: readonly string[] = []): string {
  return known
    .filter((secret) => secret !== '')
    .reduce((hidden, secret) => hidden.replaceAll(secret, '…'), text)
    .replace(/(cloudreve:\/\/[^:@/?#\s]*):[^@/?#\s]*@/gi, '$1@')
    .replace(/([?&](?:sign|token|X-Amz-[A-Za-z]+|Signature)=)[^&\s"']+/gi, '$1…')
    .replace(/Bearer\s+[\w.~+/=-]+/g, 'Bearer …')
}
