/**
 * Signed URLs of contents: asked for in batches, kept until shortly before they expire, and always for the wanted content.
 * Owns the cache of URLs by entity id and the batch that is being collected.
 */
import { SingleFlight } from '../base/single-flight.ts'
import type { ApiClient } from '../api/client.ts'
import { downloadUrls } from '../api/endpoints/files.ts'
import { ApiError } from '../api/errors.ts'

export interface ContentUrl {
  /** Secret: whoever has it can read the content. */
  readonly url: string
  /** The server's own content route, where the `ETag` is the entity id; elsewhere it is whatever the storage says. */
  readonly isMaster: boolean
}

interface CachedUrl extends ContentUrl {
  readonly expiresAtMs: number
}

interface Waiter {
  readonly uri: string
  readonly resolve: (answer: { url: string; expiresAtMs: number }) => void
  readonly reject: (error: unknown) => void
}

/** Calls that arrive within this time share a request, while another is on its way. */
const BATCH_WINDOW_MS = 3
const BATCH_SIZE = 100
/** A URL is not used this close to its end: the ranges of a read follow each other. */
const EXPIRY_MARGIN_MS = 30_000
/** When the server does not say (storage without signatures). */
const DEFAULT_LIFE_MS = 600_000
const CACHE_LIMIT = 10_000

export class UrlBroker {
  readonly #client: ApiClient
  readonly #cache = new Map<string, CachedUrl>()
  readonly #flights = new SingleFlight<string, ContentUrl>()
  /** Contents whose URLs are asked for ahead: who wants one waits for that. Never fails. */
  readonly #preparing = new Map<string, Promise<void>>()
  #batch: Waiter[] = []
  /** Batches on their way. */
  #asking = 0
  /** The storage serves contents itself: its URLs do not tell which content they name, so each is asked for by name. */
  #foreignStorage = false

  constructor(client: ApiClient) {
    this.#client = client
  }

  /** A URL of `entity` that was asked for before and is still good. */
  cached(entity: string): ContentUrl | undefined {
    const found = this.#cache.get(entity)
    if (!found) return undefined
    if (this.#client.serverClock.now() < found.expiresAtMs - EXPIRY_MARGIN_MS) return found
    this.#cache.delete(entity)
    return undefined
  }

  /** `url` did not work: the next one is asked for anew, unless somebody did that already. */
  forget(entity: string, { url }: ContentUrl): void {
    if (this.#cache.get(entity)?.url === url) this.#cache.delete(entity)
  }

  /**
   * A new URL for one content of the file at `uri`.
   * @throws {ApiError} `refused` with 40077 when that content is gone, 40016 when the file is
   */
  urlFor(uri: string, entity: string, { fresh = false } = {}): Promise<ContentUrl> {
    return this.#flights.run(`${entity} ${fresh}`, () => this.#ask(uri, entity, fresh))
  }

  /**
   * Asks for the URLs of contents that nobody wants yet, in as few calls as can be. Not where URLs do not tell their contents: each has to be
   * asked for by name there.
   * @throws {ApiError} of a call that failed as a whole
   */
  async prepare(contents: readonly { readonly uri: string; readonly entity: string }[]): Promise<void> {
    const wanted = this.#foreignStorage
      ? []
      : contents.filter(({ entity }) => !this.cached(entity) && !this.#preparing.has(entity))
    const calls: Promise<void>[] = []
    for (let from = 0; from < wanted.length; from += BATCH_SIZE)
      calls.push(this.#prepareBatch(wanted.slice(from, from + BATCH_SIZE)))
    await Promise.all(calls)
  }

  /** A call of its own: those that somebody waits for are not held up by a large one. */
  async #prepareBatch(batch: readonly { readonly uri: string; readonly entity: string }[]): Promise<void> {
    const uris = batch.map(({ uri }) => uri)
    const answered = downloadUrls(this.#client, uris, { skipErrors: true }).then(({ urls, expiresAtMs }) => {
      for (const [index, { entity }] of batch.entries()) {
        const url = urls[index]
        if (!url) continue
        const named = masterEntity(url)
        if (named === entity) this.#keep(entity, { url, expiresAtMs: this.#endOf(expiresAtMs) })
        else if (named === undefined) this.#foreignStorage = true
      }
    })
    const over = answered.catch(() => undefined)
    for (const { entity } of batch) this.#preparing.set(entity, over)
    try {
      await answered
    } finally {
      for (const { entity } of batch) this.#preparing.delete(entity)
    }
  }

  async #ask(uri: string, entity: string, fresh: boolean): Promise<ContentUrl> {
    const preparing = fresh ? undefined : this.#preparing.get(entity)
    if (preparing) {
      await preparing
      const prepared = this.cached(entity)
      if (prepared) return prepared
    }
    if (!fresh && !this.#foreignStorage) {
      const current = await this.#inBatch(uri)
      const named = masterEntity(current.url)
      if (named === entity) return this.#keep(entity, current)
      if (named === undefined) this.#foreignStorage = true
    }
    // The file has another current content by now, or the URL does not tell: ask for this one by name.
    return this.#keep(entity, await this.#single(uri, entity, fresh))
  }

  #inBatch(uri: string): Promise<{ url: string; expiresAtMs: number }> {
    return new Promise((resolve, reject) => {
      this.#batch.push({ uri, resolve, reject })
      if (this.#batch.length === 1) this.#sendSoon()
      if (this.#batch.length >= BATCH_SIZE) this.#sendBatch()
    })
  }

  /** The first one after a pause is held up by nothing; those that come in the same turn of the event loop go with it. */
  #sendSoon(): void {
    if (this.#asking === 0) setImmediate(() => this.#sendBatch())
    else this.#client.clock.after(BATCH_WINDOW_MS, () => this.#sendBatch())
  }

  #sendBatch(): void {
    const batch = this.#batch
    this.#batch = []
    if (batch.length > 0) void this.#answerBatch(batch)
  }

  async #answerBatch(batch: readonly Waiter[]): Promise<void> {
    const uris = [...new Set(batch.map(({ uri }) => uri))]
    const skipErrors = uris.length > 1
    this.#asking += 1
    try {
      const { urls, expiresAtMs } = await downloadUrls(this.#client, uris, { skipErrors })
      const byUri = new Map(uris.map((uri, index) => [uri, urls[index]]))
      for (const waiter of batch) {
        const url = byUri.get(waiter.uri)
        if (url) waiter.resolve({ url, expiresAtMs: this.#endOf(expiresAtMs) })
        else this.#single(waiter.uri, undefined, false).then(waiter.resolve, waiter.reject)
      }
    } catch (error) {
      for (const waiter of batch) waiter.reject(error)
    } finally {
      this.#asking -= 1
    }
  }

  async #single(uri: string, entity: string | undefined, fresh: boolean) {
    const { urls, expiresAtMs } = await downloadUrls(this.#client, [uri], { entity, fresh })
    const [url] = urls
    if (url) return { url, expiresAtMs: this.#endOf(expiresAtMs) }
    throw new ApiError('malformed', 'the server gave no URL for a content', { endpoint: 'POST /file/url' })
  }

  #endOf(expiresAtMs: number | undefined): number {
    return expiresAtMs ?? this.#client.serverClock.now() + DEFAULT_LIFE_MS
  }

  #keep(entity: string, { url, expiresAtMs }: { url: string; expiresAtMs: number }): ContentUrl {
    const oldest = this.#cache.keys().next()
    if (this.#cache.size >= CACHE_LIMIT && !oldest.done) this.#cache.delete(oldest.value)
    const kept = { url, isMaster: masterEntity(url) !== undefined, expiresAtMs }
    this.#cache.set(entity, kept)
    return kept
  }
}

/** Entity that a URL of the server's own content route names (api/01 §12.1). */
function masterEntity(url: string): string | undefined {
  return /^https?:\/\/[^/]+\/api\/v4\/file\/content\/([^/?]+)\//.exec(url)?.[1]
}
