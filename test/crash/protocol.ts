/** What the process that is killed and the one that watches it say to each other. */
import type { InlineLimits } from '../../src/core/inline/index.ts'
import type { PendingUpload } from '../../src/core/write/index.ts'
import type { SeenFile } from './hands.ts'
import type { Hook } from './hooked-layer.ts'
import type { Operation, Outcome } from './operations.ts'

export interface Setup {
  readonly url: string
  readonly email: string
  readonly password: string
  readonly stateFolder: string
  readonly hooks: readonly Hook[]
  readonly quietMs: number
  readonly renameDelayMs: number
  /** How long a start waits for what the process before it may have asked for, ms. */
  readonly settleMs: number
  /** Which staged files lie in the log of small ones. */
  readonly inlineLimits: InlineLimits
  /** How long a program waits for a server that is away, ms. */
  readonly patienceMs: number
  /** Mounted there with the native driver; left out: operations come over this channel. */
  readonly mountpoint?: string
}

export interface Calls {
  perform: { readonly params: Operation; readonly result: Outcome }
  look: { readonly params: null; readonly result: readonly SeenFile[] }
  /** Answers what is not at the server yet, and why. */
  pending: { readonly params: null; readonly result: readonly PendingUpload[] }
  /** Answers what is not at the server after all. */
  drain: { readonly params: null; readonly result: readonly PendingUpload[] }
  /** Paths of what was found in the staging folder and belongs to nothing. */
  lost: { readonly params: null; readonly result: readonly string[] }
  close: { readonly params: null; readonly result: null }
}

export type Method = keyof Calls

export type ToChild =
  | { readonly kind: 'start'; readonly setup: Setup }
  | { readonly kind: 'call'; readonly id: number; readonly method: Method; readonly params: unknown }

export type FromChild =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'defect'; readonly id: number; readonly reason: string }
