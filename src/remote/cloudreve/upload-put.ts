/**
 * A whole content in one request, as a compare-and-swap (api/00-live §5). A lost answer is cleared up by looking: the content
 * there now is ours, the one before, or somebody else's.
 */
import { delay } from '../../base/clock.ts'
import { Code } from '../../api/codes.ts'
import { fileInfo } from '../../api/endpoints/files.ts'
import { putContent } from '../../api/endpoints/uploads.ts'
import { isApiError, isRefusal } from '../../api/errors.ts'
import { bodyOf } from '../../transfer/upload-source.ts'
import { hasSameBytes } from '../../transfer/same-content.ts'
import type { Downloader } from '../../transfer/download.ts'
import { RemoteError } from '../errors.ts'
import type { EntityId, RemoteEntry, UploadRequest } from '../types.ts'
import { uriOf, type MountContext } from './context.ts'
import { toEntry } from './map-entry.ts'

const TRIES = 3
/** A request whose answer was lost may still be at work: the mark on the file says so. */
const LOOKS = 8
const LOOK_WAIT_MS = 250

/** What a look at the file says about an attempt without an answer. */
type Outcome =
  | { readonly kind: 'ours'; readonly entry: RemoteEntry }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'undone' }
  | { readonly kind: 'unclear' }

export class ContentPutter {
  readonly #context: MountContext
  readonly #downloader: Downloader

  constructor(context: MountContext, downloader: Downloader) {
    this.#context = context
    this.#downloader = downloader
  }

  async put(request: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry> {
    let lost: unknown
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(request, signal)
      } catch (error) {
        const answerLost = isApiError(error, 'lost', 'gateway') && (error.status ?? 500) >= 500
        if (answerLost) lost = error
        // A second attempt that finds another content may have found the first.
        if (!answerLost && !(lost !== undefined && isRefusal(error, Code.stale))) throw error
        const outcome = await this.#look(request, signal)
        if (outcome.kind === 'ours') return outcome.entry
        if (outcome.kind === 'foreign') throw stale(request, error)
        if (outcome.kind === 'unclear' || attempt >= TRIES) throw lost
      }
    }
  }

  async #attempt({ path, previous, source, onProgress }: UploadRequest, signal?: AbortSignal) {
    const { client, noContent } = this.#context
    const file = await putContent(client, uriOf(this.#context, path), {
      previous: previous === 'absent' ? noContent : previous,
      body: bodyOf(source, { start: 0, end: source.sizeBytes }, onProgress),
      signal,
    })
    return toEntry(file, noContent)
  }

  async #look(request: UploadRequest, signal?: AbortSignal): Promise<Outcome> {
    for (let look = 1; look <= LOOKS; look += 1) {
      const entry = await this.#find(request, signal)
      if (!entry) return { kind: 'undone' }
      const before = request.previous === 'absent' ? undefined : request.previous
      if (entry.entity !== before) return this.#compare(request, entry, signal)
      if (entry.uploadSessionId === undefined) return { kind: 'undone' }
      await delay(this.#context.clock, LOOK_WAIT_MS, signal)
    }
    return { kind: 'unclear' }
  }

  async #find({ path }: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry | undefined> {
    const { client, noContent } = this.#context
    try {
      return toEntry(await fileInfo(client, { uri: uriOf(this.#context, path) }, { signal }), noContent)
    } catch (error) {
      if (isRefusal(error, Code.pathNotFound)) return undefined
      throw error
    }
  }

  /** Ids cannot tell: identical bytes get a new id each time (api/00-live-files §17.5). */
  async #compare(
    { path, source }: UploadRequest,
    entry: RemoteEntry,
    signal?: AbortSignal,
  ): Promise<Outcome> {
    const { entity, sizeBytes } = entry
    if (entity === undefined || sizeBytes !== source.sizeBytes) return { kind: 'foreign' }
    const content = {
      uri: () => uriOf(this.#context, path),
      entity,
      sizeBytes,
      subject: `/${path.join('/')}`,
    }
    const same = await hasSameBytes(this.#downloader, content, source, signal)
    return same ? { kind: 'ours', entry } : { kind: 'foreign' }
  }
}

export function stale({ path }: UploadRequest, cause: unknown): RemoteError {
  return new RemoteError('stale', `/${path.join('/')} was changed by somebody else meanwhile`, {
    cause,
    code: Code.stale,
  })
}

/** Entity that the server is to find before it replaces anything. */
export function expectedEntity({ noContent }: MountContext, { previous }: UploadRequest): EntityId {
  return previous === 'absent' ? noContent : previous
}
