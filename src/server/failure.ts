import { randomUUID } from 'node:crypto'
import type { WireEnvelope, WireLockConflict } from '../api/types.ts'

/** The sentences of the codes; clients never match on them. */
const sentences: Record<number, string> = {
  401: 'Login required',
  403: 'Not supported action',
  404: 'Not found',
  409: 'Tree changed meanwhile',
  40001: 'Parameter error',
  40004: 'Object existed',
  40005: 'signature expired',
  40006: 'Policy not allowed',
  40007: 'Not allowed for your group',
  40011: '',
  40012: 'Chunk offset cannot be greater than file size',
  40014: 'Too many direct links',
  40016: 'Path not exist',
  40017: 'User is banned',
  40018: 'User is not activated',
  40019: 'Feature not enabled',
  40020: 'Failed to issue token pair',
  40022: 'Incorrect 2FA code',
  40026: 'Incorrect captcha',
  40049: 'File too large',
  40051: 'Insufficient capacity',
  40052: 'Invalid object name',
  40069: 'Incorrect password',
  40071: 'invalid sign',
  40073: 'Lock conflict',
  40074: 'Too many URIs',
  40076: 'File is updated during your edit',
  40077: 'Entity not exist',
  40080: 'Incorrect password or email address',
  40081: 'Not all items were done',
  40082: 'Only the owner may do this',
  40088: 'Anonymous access denied',
  50001: 'Database error',
  50004: 'IO failed',
}

export interface FailureOptions {
  msg?: string
  data?: unknown
  /** Items of a batch that failed, by URI. */
  aggregated?: ReadonlyMap<string, ApiFailure>
  /** Raised while validating the request: has no correlation id. */
  validation?: boolean
  /** HTTP status of the answer; 200 unless said. */
  status?: number
}

/** An error that the client gets as an envelope. */
export class ApiFailure extends Error {
  readonly code: number
  readonly options: FailureOptions

  constructor(code: number, options: FailureOptions = {}) {
    super(options.msg ?? sentences[code] ?? '')
    this.code = code
    this.options = options
  }

  envelope(correlationId: string = randomUUID()): WireEnvelope {
    const { data, aggregated, validation } = this.options
    return {
      code: this.code,
      ...(data === undefined ? {} : { data }),
      ...(aggregated && {
        aggregated_error: Object.fromEntries(
          [...aggregated].map(([item, failure]) => [item, failure.envelope(correlationId)]),
        ),
      }),
      msg: this.message,
      ...(validation ? {} : { correlation_id: correlationId }),
    }
  }
}

/** 40001 as the body and query validation raises it, before the handler. */
export function invalid(msg = 'Parameter error'): ApiFailure {
  return new ApiFailure(40001, { msg, validation: true })
}

/** 40073; without holders it means that the caller's own lock is gone (api/01 §5). */
export function locked(holders: WireLockConflict[] | undefined): ApiFailure {
  return new ApiFailure(40073, holders ? { data: holders } : { msg: 'Lock expired' })
}

/** Collects what failed in a batch; items that are not in it were done. */
export class BatchErrors {
  readonly #failures = new Map<string, ApiFailure>()

  /** Runs `work` for one item; an `ApiFailure` is kept under the item's URI. */
  attempt<T>(uri: string, work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error
      this.#failures.set(uri, error)
      return undefined
    }
  }

  /** @throws {ApiFailure} 40081 when an item failed. */
  throwIfAny(data?: unknown): void {
    if (this.#failures.size === 0) return
    const first = [...this.#failures.values()][0]!
    throw new ApiFailure(40081, {
      msg: first.message,
      aggregated: this.#failures,
      ...(data === undefined ? {} : { data }),
    })
  }
}
