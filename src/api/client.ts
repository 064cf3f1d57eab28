/**
 * Calls of the Cloudreve API: envelope, token, lanes, retries. Owns the requests that are on their way: a caller that gives
 * up stops waiting, the request itself ends by itself and `close` waits for it.
 */
import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import { abortReason, delay, waitAtMost, waitUnlessAborted, type Clock } from '../base/clock.ts'
import { silentLog, type Log } from '../base/log.ts'
import { Code } from './codes.ts'
import type { HttpAnswer } from './direct-exchange.ts'
import { openEnvelope, type AnswerContext } from './envelope.ts'
import { ApiError } from './errors.ts'
import { Http, HttpFailure, type HttpRequest, type StreamBody, type StreamedAnswer } from './http.ts'
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

/** A GET whose answer goes on. */
export interface StreamCall extends Pick<ApiCall<never>, 'path' | 'query' | 'subject'> {
  /** What the answer must be; anything else is a refusal. */
  readonly contentType: string
  /** Cuts the answer once it has begun; before that it ends the waiting alone. */
  readonly signal: AbortSignal
}

/** Codes that an expired token may be behind, besides 401 (api/00-live-account §2.1). */
const doubtfulCodes = [Code.uploadSessionGone, Code.notForThisGroup, Code.guestsRefused, Code.database]
const DEFAULT_ANSWER_TIMEOUT_MS = 90_000
/** A refusal is shorter; the web page of a proxy need not be read to its end. */
const REFUSAL_BYTES = 64 * 1024

export class ApiClient {
  readonly origin: string
  readonly clock: Clock
  readonly serverClock: ServerClock
  readonly lanes: Lanes
  readonly http: Http
  readonly log: Log
  readonly #tokens: TokenSource | undefined
  readonly #answerTimeoutMs: number
  readonly #random: (() => number) | undefined
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #streams = new Set<() => void>()
  #clientId: string = randomUUID()
  #closed = false

  constructor(options: ApiClientOptions) {
    this.origin = options.origin
    this.clock = options.clock
    this.log = options.log ?? silentLog
    this.lanes = options.lanes ?? createLanes(options.clock)
    this.http = options.http ?? new Http({ clock: options.clock })
    this.serverClock = options.serverClock ?? new ServerClock(options.clock)
    this.#tokens = options.tokens
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

  /** By it the server recognises changes of this client, which it does not tell to its own event stream. */
  get clientId(): string {
    return this.#clientId
  }

  /** Another one from now on: what was begun under the former is told as a change of somebody else. */
  renewClientId(): void {
    this.#clientId = randomUUID()
  }

  /**
   * The body of an answer without an end, once it has begun. It is cut when nobody reads it any more, when the signal is aborted
   * and when this client is closed. Not repeated, and in no lane: it would take a place for as long as it lasts.
   * @throws {ApiError}, also while it is read: `lost` when the connection breaks; the signal's reason when it was aborted first
   */
  async stream(call: StreamCall): Promise<AsyncIterable<Uint8Array>> {
    const { path, subject, signal } = call
    const context: AnswerContext = {
      endpoint: `GET ${path}`,
      mutating: false,
      subject: withoutPassword(subject),
    }
    return this.#signed({ signal, context }, (token) => this.#openStream(call, context, token))
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

  /**
   * Refuses new requests, ends streams, waits for requests under way (at most `patienceMs`; if left out, as long as for any
   * answer), then drops connections.
   */
  async close(patienceMs = this.#answerTimeoutMs): Promise<void> {
    this.#closed = true
    for (const cut of this.#streams) cut()
    const stop = new AbortController()
    const drained = this.#drain()
    const given = delay(this.clock, patienceMs, stop.signal).catch(() => undefined)
    await Promise.race([drained, given])
    stop.abort()
    this.http.close()
  }

  async #drain(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled([...this.#underWay])
  }

  #signedCall<T>(call: ApiCall<T>, context: AnswerContext): Promise<unknown> {
    const { signal, signedIn } = call
    return this.#signed({ signal, context, signedIn }, (token) => this.#exchange(call, context, token))
  }

  /** One request with a token; once more with another one when the server did not know the first. */
  async #signed<T>(
    { signal, context, signedIn }: SignedOptions,
    exchange: (token: AccessToken | undefined) => Promise<T>,
  ): Promise<T> {
    const tokens = signedIn === false ? undefined : this.#tokens
    if (!tokens) return exchange(undefined)
    const token = await waitUnlessAborted(tokens.current(), signal)
    try {
      return await exchange(token)
    } catch (error) {
      if (!looksAnonymous(error, tokens.isDoubtful(token))) throw error
      this.log.debug('the server did not know the token; renewing it', { endpoint: context.endpoint })
      return exchange(await waitUnlessAborted(tokens.renew(token), signal))
    }
  }

  async #openStream(
    { path, query, contentType, signal }: StreamCall,
    context: AnswerContext,
    token: AccessToken | undefined,
  ): Promise<AsyncIterable<Uint8Array>> {
    if (this.#closed) throw closedError(context)
    const opening = this.track(
      this.http.open({
        url: this.#urlOf(path, query),
        headers: { ...this.#headersFor(token), accept: contentType },
      }),
    )
    const answer = await this.#headOf(opening, context, signal)
    this.serverClock.observe(answer.headers.date)
    if (!answer.headers['content-type']?.startsWith(contentType)) {
      const text = await textOf(answer.body)
      openEnvelope({ ...answer, text }, { ...context, secrets: token ? [token.value] : [] })
      throw new ApiError('malformed', `the answer to ${context.endpoint} is no ${contentType}`, context)
    }
    return this.#whileOpen(answer, context, signal)
  }

  /** Who stops waiting for it does not cut it: it is closed when its answer has come. */
  async #headOf(
    opening: Promise<StreamedAnswer>,
    context: AnswerContext,
    signal: AbortSignal,
  ): Promise<StreamedAnswer> {
    const deadline = {
      clock: this.clock,
      deadlineMs: this.#answerTimeoutMs,
      late: () => lateError(this.#answerTimeoutMs, context),
    }
    try {
      const answer = await waitUnlessAborted(waitAtMost(opening, deadline), signal)
      if (!this.#closed) return answer
      throw closedError(context)
    } catch (error) {
      opening.then(
        ({ cut }) => cut(),
        () => undefined,
      )
      throw noAnswer(error, context)
    }
  }

  async *#whileOpen(
    { body, cut }: StreamedAnswer,
    context: AnswerContext,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    this.#streams.add(cut)
    signal.addEventListener('abort', cut, { once: true })
    try {
      if (signal.aborted) throw abortReason(signal)
      yield* body
    } catch (error) {
      if (signal.aborted) throw abortReason(signal)
      throw this.#closed ? closedError(context) : noAnswer(error, context)
    } finally {
      signal.removeEventListener('abort', cut)
      this.#streams.delete(cut)
      cut()
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
    if (this.#closed) throw closedError(context)
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
    return this.clock.after(this.#answerTimeoutMs, () => reject(lateError(this.#answerTimeoutMs, context)))
  }

  #requestOf<T>(call: ApiCall<T>, token: AccessToken | undefined): HttpRequest {
    const headers = this.#headersFor(token)
    if (call.json !== undefined) headers['content-type'] = 'application/json'
    if (call.body) headers['content-type'] = 'application/octet-stream'
    return {
      method: call.method,
      url: this.#urlOf(call.path, call.query),
      headers,
      body: call.json === undefined ? call.body : JSON.stringify(call.json),
      cutSignal: call.body ? call.signal : undefined,
    }
  }

  #headersFor(token: AccessToken | undefined): Record<string, string> {
    const headers: Record<string, string> = { accept: 'application/json', 'x-cr-client-id': this.#clientId }
    if (token) headers['authorization'] = `Bearer ${token.value}`
    return headers
  }

  #urlOf(path: string, query: ApiCall<never>['query']): string {
    return `${this.origin}/api/v4${path}${queryString(query ?? {})}`
  }
}

interface SignedOptions {
  readonly signal: AbortSignal | undefined
  readonly context: AnswerContext
  readonly signedIn?: boolean | undefined
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of body) {
    pieces.push(piece)
    size += piece.length
    if (size > REFUSAL_BYTES) break
  }
  return Buffer.concat(pieces).toString('utf8')
}

function closedError(context: AnswerContext): ApiError {
  return new ApiError('closed', `${context.subject}: the connection was closed`, context)
}

function lateError(answerTimeoutMs: number, context: AnswerContext): ApiError {
  const seconds = Math.round(answerTimeoutMs / 1000)
  return new ApiError('lost', `${context.subject}: no answer for ${seconds} s`, context)
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
