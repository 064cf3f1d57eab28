import type { MaybePromise } from '../../base/maybe-promise.ts'
import type { FileSystem } from '../../core/ports.ts'
import type { Entry, FileSpan } from '../../core/types.ts'
import type { Features } from './init.ts'
import type { OpenHandles } from './open-handles.ts'
import type { RequestContext } from './request-context.ts'
import type { ServedOp, ServedRequest } from './requests.ts'
import type { ShownModes } from './shown-modes.ts'

/** What is sent for one request, and what must be taken back when the kernel did not take it. */
export interface Answer {
  /** Makes a whole message, or its header when `body` follows: good until the next one is made. */
  readonly encode: () => Buffer
  readonly body?: Uint8Array
  readonly undo?: () => void
}

/** Of a handler that has sent its answer itself. */
export const SENT: Answer = { encode: () => Buffer.alloc(0) }

/** What the operations of one session share. */
export interface OperationParts {
  readonly fileSystem: FileSystem
  readonly handles: OpenHandles
  readonly modes: ShownModes
  readonly features: Features
  /** For how long at most the kernel may believe that there is no such name, ms; 0: it asks each time. */
  readonly negativeTtlMs: number
  /** Takes look-ups back that the kernel never heard of. */
  readonly forget: (entries: readonly Entry[]) => void
  /**
   * Sends bytes of a local file behind `header`. False when the kernel does not have them in memory, or they cannot be read:
   * then nothing was sent.
   */
  readonly sendSpan: (header: Buffer, span: FileSpan) => boolean
}

/**
 * Answers one kind of request, at once where that can be. Whatever it needs of the request's memory it reads before it
 * returns, but for WRITE.
 */
export type Handler<Op extends ServedOp> = (
  request: ServedRequest<Op>,
  context: RequestContext,
) => MaybePromise<Answer>

export type Handlers<Op extends ServedOp = ServedOp> = { readonly [Each in Op]: Handler<Each> }
