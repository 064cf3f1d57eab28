/**
 * Calls of the Cloudreve API: envelope, token, lanes, retries. Owns the requests that are on their way: a caller that gives
 * up stops waiting, the request itself ends by itself and `close` waits for it.
 */
import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import { delay, waitUnlessAborted, type Clock } from '../base/clock.ts'
import { silentLog, type Log } from '../base/log.ts'
import { Code } from './codes.ts'
import { openEnvelope, type AnswerContext } from './envelope.ts'
import { ApiError } from './errors.ts'
import { Http, HttpFailure, type HttpAnswer, type HttpRequest, type StreamBody } from './http.ts'
import { createLanes, type LaneName, type Lanes } from './lanes.ts'
import { withRetry, type Repeatability } from './retry.ts'
import { ServerClock } from './server-clock.ts'
import type { AccessToken, TokenSource } from './tokens.ts'
import { wellFormed, withoutPassword } from './uri.ts'

export interface ApiClientOptions {
  /** `https://cloud.example.com`, without path. */
  readonly origin: string
  readonly clock: Clock
  /** undefined = speak as an anonymous visitor. */
  readonly tokens?: TokenSource | undefined
  readonly log?: Log
  readonly lanes?: Lanes
  readonly http?: Http
  readonly serverClock?: ServerClock
  /** A sent request is waited for so long, then let go; ≥ 60 s. */
  readonly answerTimeoutMs?: number
  /** UUID by which the server recognises changes of this client. */
  readonly clientId?: string
  readonly random?: () => number
}

export interface ApiCall<T> {
  readonly method: HttpRequest['method']
  /** Below `/api/v4`. */
  readonly path: string
  /** Route for messages where `path` holds ids: `/file/upload/{session}/{index}`. */
  readonly route?: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly json?: unknown
  readonly body?: StreamBody
  readonly schema: z.ZodType<T>
  readonly repeat: Repeatability
  /** What the call is about, for messages; addresses lose their password here. */
  readonly subject: string
  /** Default `control`. */
  readonly lane?: LaneName
  /** Codes besides 0 that are answers, not refusals. */
  readonly accept?: readonly number[]
  /** What the request carries and no message may repeat, besides the token. */
  readonly secrets?: readonly string[]
  /** false: without the token even if there is one. */
  readonly signedIn?: boolean
  readonly signal?: AbortSignal | undefined
}

/** Codes that an expired token may be behind, besides 401 (api/00-live-account §2.1). */
const doubtfulCodes = [Code.uploadSessionGone, Code.notForThisGroup, Code.guestsRefused, Code.database]
const DEFAULT_ANSWER_TIMEOUT_MS = 90_000

export class ApiClient {
  readonly origin: string
  readonly clock: Clock
  readonly serverClock: ServerClock
  readonly lanes: Lanes
  readonly http: Http
  readonly log: Log
  readonly #tokens: TokenSource | undefined
  readonly #clientId: string
  readonly #answerTimeoutMs: number
  readonly #random: (() => number) | undefined
  readonly #underWay = new Set<Promise<unknown>>()
  #closed = false

  constructor(options: ApiClientOptions) {
    this.origin = options.origin
    this.clock = options.clock
    this.log = options.log ?? silentLog
    this.lanes = options.lanes ?? createLanes(options.clock)
    this.http = options.http ?? new Http({ clock: options.clock })
    this.serverClock = options.serverClock ?? new ServerClock(options.clock)
    this.#tokens = options.tokens
    this.#clientId = options.clientId ?? randomUUID()
    this.#answerTimeoutMs = options.answerTimeoutMs ?? DEFAULT_ANSWER_TIMEOUT_MS
    this.#random = options.random
  }

  /**
   * The parsed `data` of the answer.
   * @throws {ApiError}; the signal's reason when it was aborted first
   */
  async call<T>(call: ApiCall<T>): Promise<T> {
    const context = contextOf(call)
    const data = await withRetry(() => this.#signedCall(call, context), {
      clock: this.clock,
      repeat: call.repeat,
      signal: call.signal,
      random: this.#random,
    })
    return decode(call.schema, data, context)
  }

  /** Runs `work` as a request on its way: `close` waits for it. */
  track<T>(work: Promise<T>): Promise<T> {
    const entry: Promise<unknown> = work.then(
      () => this.#underWay.delete(entry),
      () => this.#underWay.delete(entry),
    )
    this.#underWay.add(entry)
    return work
  }

  /** Refuses new requests, waits for those under way (at most as long as for any answer), then drops connections. */
  async close(): Promise<void> {
    this.#closed = true
    const stop = new AbortController()
    const drained = this.#drain()
    const given = delay(this.clock, this.#answerTimeoutMs, stop.signal).catch(() => undefined)
    await Promise.race([drained, given])
    stop.abort()
    this.http.close()
  }

  async #drain(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled([...this.#underWay])
  }

  /** One call with a token; once more with another one when the server did not know the first. */
  async #signedCall<T>(call: ApiCall<T>, context: AnswerContext): Promise<unknown> {
    const tokens = call.signedIn === false ? undefined : this.#tokens
    if (!tokens) return this.#exchange(call, context, undefined)
    const token = await waitUnlessAborted(tokens.current(), call.signal)
    try {
      return await this.#exchange(call, context, token)
    } catch (error) {
      if (!looksAnonymous(error, tokens.isDoubtful(token))) throw error
      this.log.debug('the server did not know the token; renewing it', { endpoint: context.endpoint })
      const renewed = await waitUnlessAborted(tokens.renew(token), call.signal)
      return this.#exchange(call, context, renewed)
    }
  }

  async #exchange<T>(
    call: ApiCall<T>,
    context: AnswerContext,
    token: AccessToken | undefined,
  ): Promise<unknown> {
    const lane = this.lanes[call.lane ?? 'control']
    const queued = lane.add(async () => {
      call.signal?.throwIfAborted()
      return this.#send(call, context, token)
    })
    const answer = await waitUnlessAborted(queued, call.signal)
    const secrets = [...(call.secrets ?? []), ...(token ? [token.value] : [])]
    return openEnvelope(answer, { ...context, accept: call.accept, secrets })
  }

  #send<T>(call: ApiCall<T>, context: AnswerContext, token: AccessToken | undefined): Promise<HttpAnswer> {
    if (this.#closed) throw new ApiError('closed', `${context.subject}: the connection was closed`, context)
    return new Promise((resolve, reject) => {
      let cancelDeadline: (() => void) | undefined
      let answered = false
      const onSent = () => {
        if (!answered) cancelDeadline = this.#orLetGo(reject, context)
      }
      this.track(this.http.send({ ...this.#requestOf(call, token), onSent }))
        .then(
          (answer) => {
            this.serverClock.observe(answer.headers.date)
            resolve(answer)
          },
          (error: unknown) => reject(noAnswer(error, context)),
        )
        .finally(() => {
          answered = true
          cancelDeadline?.()
        })
    })
  }

  /** After the request was sent: its answer is `lost` when it takes too long. The request itself goes on. */
  #orLetGo(reject: (error: ApiError) => void, context: AnswerContext): () => void {
    return this.clock.after(this.#answerTimeoutMs, () => {
      const seconds = Math.round(this.#answerTimeoutMs / 1000)
      reject(new ApiError('lost', `${context.subject}: no answer for ${seconds} s`, context))
    })
  }

  #requestOf<T>(call: ApiCall<T>, token: AccessToken | undefined): HttpRequest {
    const headers: Record<string, string> = { accept: 'application/json', 'x-cr-client-id': this.#clientId }
    if (token) headers['authorization'] = `Bearer ${token.value}`
    if (call.json !== undefined) headers['content-type'] = 'application/json'
    if (call.body) headers['content-type'] = 'application/octet-stream'
    return {
      method: call.method,
      url: `${this.origin}/api/v4${call.path}${queryString(call.query ?? {})}`,
      headers,
      body: call.json === undefined ? call.body : JSON.stringify(call.json),
      cutSignal: call.body ? call.signal : undefined,
    }
  }
}

function contextOf<T>({ method, path, route, repeat, subject }: ApiCall<T>): AnswerContext {
  return {
    endpoint: `${method} ${route ?? path}`,
    mutating: repeat !== 'read',
    subject: withoutPassword(subject),
  }
}

function decode<T>(schema: z.ZodType<T>, data: unknown, context: AnswerContext): T {
  const parsed = schema.safeParse(data)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue ? `${issue.path.join('.') || 'data'}: ${issue.message}` : 'unknown shape'
  throw new ApiError('malformed', `the answer to ${context.endpoint} was not understood (${where})`, context)
}

function looksAnonymous(error: unknown, doubtful: boolean): boolean {
  if (!(error instanceof ApiError)) return false
  return error.says(Code.signInNeeded) || (doubtful && error.says(...doubtfulCodes))
}

function noAnswer(error: unknown, context: AnswerContext): unknown {
  if (!(error instanceof HttpFailure)) return error
  const kind = error.sent ? 'lost' : 'unsent'
  const message = error.sent ? 'the answer was lost' : 'the server was not reached'
  return new ApiError(kind, `${context.subject}: ${message} (${error.message})`, { ...context, cause: error })
}

/** Encoded once more than the addresses in it (api/01 §7.3). */
function queryString(query: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined
      ? []
      : [`${encodeURIComponent(key)}=${encodeURIComponent(wellFormed(String(value)))}`],
  )
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}
