import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { ApiFailure } from '../failure.ts'
import type { Settings } from '../options.ts'
import type { ServerTime } from '../times.ts'
import type { Entity } from './entities.ts'

export interface SignedUrl {
  /** Path and query, without origin. */
  path: string
  expiresAtMs: number
}

export const contentPrefix = '/api/v4/file/content/'

/**
 * Signed content URLs. The signature covers the decoded path alone, so that the origin may be changed and `download` added; a URL is
 * handed out again until shortly before its end (api/01 §12.1).
 */
export class UrlSigner {
  readonly #settings: Settings
  readonly #time: ServerTime
  readonly #made = new Map<string, SignedUrl>()

  /** Signatures that were made, and those of them that were ended before their time. */
  readonly #signs = new Set<string>()
  readonly #ended = new Set<string>()

  constructor(settings: Settings, time: ServerTime) {
    this.#settings = settings
    this.#time = time
  }

  contentUrl(entityId: Entity['id'], name: string, { download = false, fresh = false } = {}): SignedUrl {
    const path = `${contentPrefix}${entityId}/0/${encodeURIComponent(name)}`
    const key = `${path}?${download}`
    const known = this.#made.get(key)
    const { urlReuseMarginMs, urlTtlMs } = this.#settings
    // A lifetime shorter than the margin would never be cached; keep the proportion of the real one.
    const margin = Math.min(urlReuseMarginMs, urlTtlMs / 6)
    if (known && !fresh && known.expiresAtMs - this.#time.nowMs() > margin) return known
    const expiresAtMs = this.#time.nowMs() + urlTtlMs
    const url = { path: this.#signed(path, expiresAtMs, download), expiresAtMs }
    this.#made.set(key, url)
    return url
  }

  /**
   * Checks a request for content; `path` as it was sent, without query.
   * @throws {ApiFailure} 403 no signature, 40071 wrong, 40005 expired
   */
  verify(path: string, sign: string | null): void {
    const separator = sign?.lastIndexOf(':') ?? -1
    if (sign === null || separator < 0) throw new ApiFailure(403, { msg: 'expire timestamp is missing' })
    const expires = Number(sign.slice(separator + 1))
    const given = Buffer.from(sign.slice(0, separator))
    const right = Buffer.from(this.#mac(path, sign.slice(separator + 1)))
    if (given.length !== right.length || !timingSafeEqual(given, right)) throw new ApiFailure(40071)
    const isOver = expires !== 0 && this.#time.nowMs() >= expires * 1000
    if (isOver || this.#ended.has(sign)) throw new ApiFailure(40005)
  }

  /** URLs handed out before answer 40005; the next request for one makes it anew. */
  expireAll(): void {
    for (const sign of this.#signs) this.#ended.add(sign)
    this.#signs.clear()
    this.#made.clear()
  }

  /** What separates the parts of an answer with several ranges. */
  boundary(): string {
    return randomBytes(30).toString('hex')
  }

  #signed(path: string, expiresAtMs: number, download: boolean): string {
    const expires = String(expiresAtMs / 1000)
    const sign = `${this.#mac(path, expires)}:${expires}`
    this.#signs.add(sign)
    this.#ended.delete(sign)
    return `${path}?sign=${encodeURIComponent(sign)}${download ? '&download=true' : ''}`
  }

  #mac(path: string, expires: string): string {
    const subject = `${decodeURIComponent(path)}:${expires}`
    return createHmac('sha256', `url:${this.#settings.secret}`).update(subject).digest('base64url')
  }
}
