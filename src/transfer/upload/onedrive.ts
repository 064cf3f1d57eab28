/**
 * OneDrive and SharePoint: fragments strictly one after the other, to one URL that knows how far it is (api/04 §6.6).
 *
 *   send fragment ──202──► next one          failed, overlap ──► ask how far it is ──► go on there
 *        └──200, 201──► tell the server       asked after the last fragment, and gone ──► tell the server, which looks
 */
import { backoffMs } from '../../base/backoff.ts'
import { delay } from '../../base/clock.ts'
import type { HttpAnswer } from '../../api/direct-exchange.ts'
import { membersOf, parseJson, requireStatus, type AnswerSubject } from '../storage-answer.ts'
import { isStorageError, StorageError } from '../storage-error.ts'
import { Chunks } from './chunks.ts'
import type { ContentUpload } from './content-upload.ts'
import { OCTETS } from './parts.ts'
import { onlyUrl } from './session-urls.ts'
import { storageSubject } from './storage-subject.ts'
import { tellServer } from './tell-server.ts'

/** In a row, without a new byte. */
const FRUITLESS_TRIES = 5
const WAIT = { firstMs: 300, maxMs: 3000 }
const OVERLAP = 416

/** @throws {StorageError} @throws {ApiError} from telling the server; the signal's reason when it was aborted */
export async function uploadToOneDrive(upload: ContentUpload): Promise<void> {
  await new FragmentUpload(upload).run()
  await tellServer(upload, { method: 'POST', storage: 'onedrive' })
}

class FragmentUpload {
  readonly #upload: ContentUpload
  readonly #chunks: Chunks
  readonly #url: string
  readonly #about: AnswerSubject
  readonly #sizeBytes: number
  /** All before this is there. */
  #nextByte = 0
  /** The fragment with the last byte has left at least once. */
  #isAllSent = false

  constructor(upload: ContentUpload) {
    this.#upload = upload
    this.#chunks = new Chunks(upload)
    this.#url = onlyUrl(upload)
    this.#about = storageSubject(upload, this.#url)
    this.#sizeBytes = upload.source.sizeBytes
  }

  async run(): Promise<void> {
    const { done = [], client, signal } = this.#upload
    if (done.length > 0) await this.#ask()
    for (let fruitless = 0; this.#nextByte < this.#sizeBytes;) {
      const before = this.#nextByte
      try {
        if (fruitless > 0) await this.#ask()
        if (this.#nextByte < this.#sizeBytes) await this.#sendNext()
        fruitless = this.#nextByte > before ? 0 : fruitless + 1
        if (fruitless >= FRUITLESS_TRIES) throw this.#standsStill()
      } catch (error) {
        fruitless += 1
        if (!isStorageError(error, 'failed', 'unreachable') || fruitless >= FRUITLESS_TRIES) throw error
        await delay(client.clock, backoffMs(fruitless - 1, WAIT), signal)
      }
    }
  }

  async #sendNext(): Promise<void> {
    const start = this.#nextByte
    const index = this.#chunks.ranges.findIndex(({ end }) => end > start)
    const range = this.#chunks.rangeOf(index)
    this.#isAllSent ||= range.end === this.#sizeBytes
    const answer = await this.#send('PUT', {
      headers: {
        'content-type': OCTETS,
        'content-range': `bytes ${start}-${range.end - 1}/${this.#sizeBytes}`,
      },
      body: this.#chunks.bodyOf(index, start - range.start),
    })
    // An earlier try of this fragment has arrived: the next step asks how far it is.
    if (isOverlap(answer)) return
    const { status } = requireStatus(answer, [200, 201, 202], this.#about)
    this.#reached(status === 202 ? this.#expectedIn(answer) : this.#sizeBytes)
  }

  async #ask(): Promise<void> {
    const answer = await this.#send('GET', { headers: {} })
    // The URL ends with the upload: the answer to the last fragment may be what was lost.
    if (this.#isAllSent && [404, 410].includes(answer.status)) return this.#reached(this.#sizeBytes)
    this.#reached(this.#expectedIn(requireStatus(answer, [200], this.#about)))
  }

  #send(
    method: 'GET' | 'PUT',
    { headers, body }: Pick<Parameters<ContentUpload['storage']['send']>[0], 'headers' | 'body'>,
  ): Promise<HttpAnswer> {
    const { storage, signal } = this.#upload
    const { subject } = this.#about
    return storage.send({ method, url: this.#url, headers, body, subject, signal })
  }

  #reached(nextByte: number): void {
    this.#nextByte = nextByte
    for (const index of this.#chunks.pending)
      if (this.#chunks.rangeOf(index).end <= nextByte) this.#chunks.taken(index)
  }

  /** `{"nextExpectedRanges":["26214400-"]}`: the first byte that is missing. */
  #expectedIn({ text }: HttpAnswer): number {
    const ranges = membersOf(parseJson(text))['nextExpectedRanges']
    const first: unknown = Array.isArray(ranges) ? ranges[0] : undefined
    const nextByte = typeof first === 'string' ? Number.parseInt(first, 10) : Number.NaN
    if (nextByte >= 0 && nextByte < this.#sizeBytes) return nextByte
    throw new StorageError(
      'malformed',
      `${this.#about.subject}: the storage did not say how far the upload is`,
    )
  }

  #standsStill(): StorageError {
    return new StorageError(
      'failed',
      `${this.#about.subject}: the storage takes the content, and keeps nothing`,
    )
  }
}

function isOverlap({ status, text }: HttpAnswer): boolean {
  const error = membersOf(membersOf(parseJson(text))['error'])
  const inner = membersOf(error['innererror'] ?? error['innerError'])
  return status === OVERLAP || inner['code'] === 'fragmentOverlap'
}
