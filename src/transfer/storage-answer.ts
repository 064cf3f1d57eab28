/** What a storage's refusal means, from its status and the XML or JSON in which it explains itself. */
import { withoutSecrets } from '../api/envelope.ts'
import type { HttpAnswer } from '../api/direct-exchange.ts'
import { StorageError, type StorageErrorKind } from './storage-error.ts'

export interface AnswerSubject {
  /** For messages: the address of the file without secrets. */
  readonly subject: string
  /** What no message may repeat. */
  readonly secrets: readonly string[]
}

const LONGEST_MESSAGE = 300
/** Not enough room (OneDrive): the one status above 499 that waiting does not cure. */
const NO_ROOM = 507
/** Errors of S3 and those like it that a repetition cures although their status says otherwise. */
const passingCodes: ReadonlySet<string> = new Set(['RequestTimeout', 'SlowDown', 'OperationAborted'])
/** The storage has forgotten its side of the upload: cleaned up, aborted, or completed. */
const goneCodes: ReadonlySet<string> = new Set(['NoSuchUpload', 'URLExpired', 'ExpiredToken', 'itemNotFound'])

/** @throws {StorageError} unless the status is one of `statuses` */
export function requireStatus(
  answer: HttpAnswer,
  statuses: readonly number[],
  subject: AnswerSubject,
): HttpAnswer {
  if (statuses.includes(answer.status)) return answer
  throw failureOf(answer, subject)
}

/** The error that an answer of a storage stands for. */
export function failureOf({ status, text }: HttpAnswer, { subject, secrets }: AnswerSubject): StorageError {
  const { code, message } = explanationIn(text)
  const said = [code, message].filter((part) => part !== undefined && part !== '').join(': ')
  const shown = withoutSecrets(said, secrets).slice(0, LONGEST_MESSAGE)
  const kind = kindOf(status, code, message)
  const what = shown === '' ? `HTTP ${status}` : `${shown} (HTTP ${status})`
  return new StorageError(kind, `${subject}: ${sentences[kind]}: ${what}`, { status, code })
}

const sentences: Record<StorageErrorKind, string> = {
  unreachable: 'the storage was not reached',
  failed: 'the storage failed',
  expired: 'the storage does not know this upload any more, it has to start over',
  refused: 'the storage refuses the upload',
  malformed: 'the answer of the storage was not understood',
}

/** Qiniu's own number for an upload that it does not know. */
const NO_SUCH_UPLOAD = 612

function kindOf(status: number, code = '', message = ''): StorageErrorKind {
  if (goneCodes.has(code) || (status >= 400 && status < 500 && /\bexpired\b/i.test(`${code} ${message}`)))
    return 'expired'
  if (status === 410 || status === NO_SUCH_UPLOAD) return 'expired'
  if (status === 408 || status === 429 || passingCodes.has(code)) return 'failed'
  return status >= 500 && status !== NO_ROOM ? 'failed' : 'refused'
}

/** `<Code>`, `<Message>`; `{error: {code, message}}`; `{error}`; `{code, msg}`. */
export function explanationIn(text: string): { code?: string | undefined; message?: string | undefined } {
  if (text.trimStart().startsWith('<'))
    return { code: elementIn(text, 'Code'), message: elementIn(text, 'Message') }
  const body = membersOf(parseJson(text))
  if (typeof body['error'] === 'string') return { message: body['error'] }
  const error = body['error'] === undefined ? body : membersOf(body['error'])
  return {
    code: textOf(error['code']),
    message: textOf(error['message']) ?? textOf(error['msg']),
  }
}

/** The text of the first element of that name. */
export function elementIn(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return text?.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => characters[entity] ?? '')
}

const characters: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Nothing has no members. */
export function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}
