/**
 * The chunks of an upload session: in ascending order, a few at a time, the last one alone and last (api/04 §4.3). Chunk
 * bodies are read from the source while they are sent.
 */
import { backoffMs } from '../../base/backoff.ts'
import { delay } from '../../base/clock.ts'
import type { ApiClient } from '../../api/client.ts'
import { Code } from '../../api/codes.ts'
import { uploadChunk } from '../../api/endpoints/uploads.ts'
import { isApiError, isRefusal } from '../../api/errors.ts'
import type { WireUploadSession } from '../../api/schema.ts'
import { bodyOf, type ByteSource } from '../upload-source.ts'

export interface ChunkedUpload {
  readonly client: ApiClient
  readonly session: WireUploadSession
  readonly source: ByteSource
  /** Bytes of the file that the server has taken, or that are on their way; never falls. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** What an operator allows may be more than does any good. */
const MOST_AT_A_TIME = 4
/** A chunk may meet the lock of its neighbour for a moment (api/04 §4.7). */
const LONE_LOCK_TRIES = 3
const LONE_LOCK_WAIT = { firstMs: 60, maxMs: 200 }

/**
 * Sends every chunk. Resolving means that each was acknowledged, not that the upload is complete: the last answer proves
 * nothing (api/04 §4.6).
 * @throws {ApiError}; the signal's reason when it was aborted, after cutting the bodies on their way
 */
export async function sendChunks(upload: ChunkedUpload): Promise<void> {
  const ranges = chunkRanges(upload.source.sizeBytes, upload.session.chunk_size)
  const progress = new Progress(upload.onProgress)
  const pending = new Set(ranges.keys())
  pending.delete(ranges.length - 1)
  let width = widthOf(upload.session)
  while (pending.size > 0) {
    try {
      await sendPending(upload, { ranges, pending, progress, width })
    } catch (error) {
      // A storage that does not reserve the space refuses a chunk that starts beyond the end so far: one after the other then.
      if (width === 1 || !isRefusal(error, Code.storageFailed)) throw error
      width = 1
    }
  }
  await sendChunk(upload, ranges, { index: ranges.length - 1, progress, signal: upload.signal })
}

interface Round {
  readonly ranges: readonly Range[]
  /** Ascending indexes that were not acknowledged yet. */
  readonly pending: Set<number>
  readonly progress: Progress
  readonly width: number
}

type Range = { readonly start: number; readonly end: number }

/** The first failure stops the others: their bodies are cut, and all have ended when this rejects. */
async function sendPending(upload: ChunkedUpload, round: Round): Promise<void> {
  const { ranges, pending, progress, width } = round
  const stop = new AbortController()
  const signal = upload.signal ? AbortSignal.any([upload.signal, stop.signal]) : stop.signal
  const queue = [...pending].values()
  const worker = async () => {
    for (const index of queue) {
      await sendChunk(upload, ranges, { index, progress, signal })
      pending.delete(index)
    }
  }
  const workers = Array.from({ length: width }, () =>
    worker().catch((error: unknown) => {
      stop.abort(error)
      throw error
    }),
  )
  const results = await Promise.allSettled(workers)
  if (results.some(({ status }) => status === 'rejected')) throw firstFailure(upload, stop.signal)
}

function firstFailure({ signal }: ChunkedUpload, stopped: AbortSignal): unknown {
  return signal?.aborted ? signal.reason : stopped.reason
}

async function sendChunk(
  { client, session, source }: ChunkedUpload,
  ranges: readonly Range[],
  { index, progress, signal }: { index: number; progress: Progress; signal: AbortSignal | undefined },
): Promise<void> {
  const range = ranges[index] ?? { start: 0, end: 0 }
  const body = bodyOf(source, range, (sentBytes) => progress.of(index, sentBytes))
  for (let attempt = 0; ; attempt += 1) {
    try {
      await uploadChunk(client, { sessionId: session.session_id, index, body, uri: session.uri, signal })
      progress.of(index, range.end - range.start)
      return
    } catch (error) {
      if (!isLoneLock(error) || attempt + 1 >= LONE_LOCK_TRIES) throw error
      await delay(client.clock, backoffMs(attempt, LONE_LOCK_WAIT), signal)
    }
  }
}

/** 40073 that names no holder: the lock of this very upload was busy, or is gone (api/01 §4). */
export function isLoneLock(error: unknown): boolean {
  return isApiError(error, 'refused') && error.code === Code.locked && error.holder === undefined
}

/** `chunkBytes` 0 = everything in one; an empty file has one empty chunk (api/04 §2). */
function chunkRanges(sizeBytes: number, chunkBytes: number): Range[] {
  if (sizeBytes === 0 || chunkBytes === 0) return [{ start: 0, end: sizeBytes }]
  return Array.from({ length: Math.ceil(sizeBytes / chunkBytes) }, (_, index) => ({
    start: index * chunkBytes,
    end: Math.min(sizeBytes, (index + 1) * chunkBytes),
  }))
}

function widthOf({ storage_policy: policy }: WireUploadSession): number {
  return Math.min(MOST_AT_A_TIME, Math.max(1, policy?.chunk_concurrency ?? 1))
}

/** Sums up what chunks report; a chunk that starts over does not take anything back. */
class Progress {
  readonly #report: ((sentBytes: number) => void) | undefined
  readonly #best = new Map<number, number>()
  #total = 0

  constructor(report: ((sentBytes: number) => void) | undefined) {
    this.#report = report
  }

  of(index: number, sentBytes: number): void {
    const before = this.#best.get(index) ?? 0
    if (sentBytes <= before) return
    this.#best.set(index, sentBytes)
    this.#total += sentBytes - before
    this.#report?.(this.#total)
  }
}
