/**
 * Requests to storages: other origins than the API's, with credentials of their own. Nothing here knows the account's token. As
 * with the API, a request that has left is waited for, and ends by itself where nobody waits any more.
 */
import { waitUnlessAborted } from '../base/clock.ts'
import type { ApiClient } from '../api/client.ts'
import type { HttpAnswer } from '../api/direct-exchange.ts'
import { Http, HttpFailure, type HttpRequest } from '../api/http.ts'
import { StorageError } from './storage-error.ts'

export interface StorageRequest extends Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'> {
  /** For messages: the address of the file without secrets. */
  readonly subject: string
  /** Once it has left, its answer is waited for so long, ms; default 90 s. */
  readonly answerTimeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

export interface StorageClientOptions {
  /** Its lanes, clock and drain at the end are shared, its token is not. */
  readonly client: Pick<ApiClient, 'clock' | 'lanes' | 'track'>
  readonly http?: Http
}

const DEFAULT_ANSWER_TIMEOUT_MS = 90_000

export class StorageClient {
  readonly #client: StorageClientOptions['client']
  readonly #http: Http

  constructor({ client, http }: StorageClientOptions) {
    this.#client = client
    this.#http = http ?? new Http({ clock: client.clock })
  }

  /**
   * The answer, whatever its status.
   * @throws {StorageError} `unreachable`, `failed` when the answer was lost; the signal's reason when it was aborted
   */
  send(request: StorageRequest): Promise<HttpAnswer> {
    const { signal } = request
    const queued = this.#client.lanes.uploads.add(async () => {
      signal?.throwIfAborted()
      return this.#exchange(request)
    })
    return waitUnlessAborted(queued, signal)
  }

  /** Lets go of idle connections. */
  close(): void {
    this.#http.close()
  }

  #exchange(request: StorageRequest): Promise<HttpAnswer> {
    const { method, url, headers, body, subject, signal } = request
    return new Promise((resolve, reject) => {
      let cancelDeadline: (() => void) | undefined
      let isOver = false
      const onSent = () => {
        if (!isOver) cancelDeadline = this.#orLetGo(reject, request)
      }
      this.#client
        .track(this.#http.send({ method, url, headers, body, cutSignal: signal, onSent }))
        .then(resolve, (error: unknown) => reject(noAnswer(error, subject)))
        .finally(() => {
          isOver = true
          cancelDeadline?.()
        })
    })
  }

  #orLetGo(reject: (error: StorageError) => void, request: StorageRequest): () => void {
    const { answerTimeoutMs = DEFAULT_ANSWER_TIMEOUT_MS, subject } = request
    const seconds = Math.round(answerTimeoutMs / 1000)
    return this.#client.clock.after(answerTimeoutMs, () =>
      reject(new StorageError('failed', `${subject}: no answer of the storage for ${seconds} s`)),
    )
  }
}

function noAnswer(error: unknown, subject: string): unknown {
  if (!(error instanceof HttpFailure)) return error
  return error.sent
    ? new StorageError('failed', `${subject}: the answer of the storage was lost (${error.message})`)
    : new StorageError('unreachable', `${subject}: the storage was not reached (${error.message})`)
}
