/**
 * A whole content in one request, as a compare-and-swap (api/00-live §5). A lost answer is cleared up by looking: the content
 * there now is ours, the one before, or somebody else's.
 */
import { delay } from '../../base/clock.ts'
import { Code } from '../../api/codes.ts'
import { putContent } from '../../api/endpoints/uploads.ts'
import { isApiError, isRefusal } from '../../api/errors.ts'
import { bodyOf } from '../../transfer/upload-source.ts'
import { RemoteError } from '../errors.ts'
import type { RemoteEntry, UploadRequest } from '../types.ts'
import { expectedEntity, uriOf, type MountContext } from './context.ts'
import { toEntry } from './map-entry.ts'
import type { OwnContent } from './own-content.ts'
import { presentFile } from './present-file.ts'

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
  readonly #own: OwnContent

  constructor(context: MountContext, own: OwnContent) {
    this.#context = context
    this.#own = own
  }

  async put(request: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry> {
    let lost: unknown
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#verified(await this.#attempt(request, signal), request, signal)
      } catch (error) {
        if (isLost(error)) lost = error
        // A second attempt that finds another content may have found the first.
        else if (lost === undefined || !isRefusal(error, Code.stale)) throw error
        const outcome = await this.#look(request, lost, signal)
        if (outcome.kind === 'ours') return outcome.entry
        if (outcome.kind === 'foreign') throw stale(request, error)
        if (outcome.kind === 'unclear' || attempt >= TRIES) throw unknownOutcome(request, lost)
      }
    }
  }

  /** The present content, if it has exactly the bytes of the request: an earlier attempt of ours whose answer was lost. */
  async findOwn(request: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry | undefined> {
    const entry = await this.#find(request, signal)
    return entry && (await this.#own.isIn(entry, request, signal)) ? entry : undefined
  }

  async #attempt(request: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry> {
    const { client, noContent } = this.#context
    const { path, source, onProgress } = request
    const file = await putContent(client, uriOf(this.#context, path), {
      previous: expectedEntity(this.#context, request),
      body: bodyOf(source, { start: 0, end: source.sizeBytes }, onProgress),
      signal,
    })
    return toEntry(file, noContent)
  }

  /** On this one kind of storage the server answers success even where nothing was stored (api/03 §29). */
  async #verified(entry: RemoteEntry, request: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry> {
    if (this.#context.policyType !== 'qiniu') return entry
    if (await this.#own.isIn(entry, request, signal)) return entry
    throw new RemoteError(
      'server',
      `/${request.path.join('/')}: the storage of the server did not keep what was sent`,
    )
  }

  async #look(request: UploadRequest, lost: unknown, signal?: AbortSignal): Promise<Outcome> {
    try {
      return await this.#lookUntilSettled(request, signal)
    } catch (error) {
      if (isApiError(error, 'unsent', 'lost', 'busy', 'gateway')) throw unknownOutcome(request, lost)
      throw error
    }
  }

  async #lookUntilSettled(request: UploadRequest, signal?: AbortSignal): Promise<Outcome> {
    for (let look = 1; look <= LOOKS; look += 1) {
      const entry = await this.#find(request, signal)
      if (!entry) return { kind: 'undone' }
      const before = request.previous === 'absent' ? undefined : request.previous
      if (entry.entity !== before)
        return (await this.#own.isIn(entry, request, signal)) ? { kind: 'ours', entry } : { kind: 'foreign' }
      if (entry.uploadSessionId === undefined) return { kind: 'undone' }
      await delay(this.#context.clock, LOOK_WAIT_MS, signal)
    }
    return { kind: 'unclear' }
  }

  async #find({ path }: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry | undefined> {
    const file = await presentFile(this.#context, path, { signal })
    return file && toEntry(file, this.#context.noContent)
  }
}

function isLost(error: unknown): boolean {
  return isApiError(error, 'lost') || (isApiError(error, 'gateway') && (error.status ?? 0) >= 500)
}

export function unknownOutcome({ path }: UploadRequest, cause: unknown): RemoteError {
  const name = `/${path.join('/')}`
  return new RemoteError(
    'unknown-outcome',
    `${name} was sent, the answer was lost, and asking did not help`,
    { cause },
  )
}

function stale({ path }: UploadRequest, cause: unknown): RemoteError {
  return new RemoteError('stale', `/${path.join('/')} was changed by somebody else meanwhile`, {
    cause,
    code: Code.stale,
  })
}
