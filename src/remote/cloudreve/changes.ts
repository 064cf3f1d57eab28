/** What others change: the `RemoteChanges` part of the port. */
import { listFolder } from '../../api/endpoints/files.ts'
import type { ChangedPage, RemoteChanges, WatchNotice } from '../changes.ts'
import type { CallOptions } from '../remote.ts'
import { ChangeFeed } from './change-feed.ts'
import { uriOf, type MountContext } from './context.ts'
import { toEntry } from './map-entry.ts'
import { toRemoteError } from './map-error.ts'
import { walkSubtree } from './subtree-walk.ts'

/**
 * The server's clock is known to 2 s (api/server-clock.ts), in its records a change may be some time older than its end, and
 * whole seconds are asked for. What comes twice for it costs nothing.
 */
const MARGIN_MS = 10_000
/** The end of the range, without which the server finds nothing: the year 2100. */
const NEVER_S = 4_102_444_800

export class CloudreveChanges implements RemoteChanges {
  readonly #context: MountContext

  constructor(context: MountContext) {
    this.#context = context
  }

  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<WatchNotice> {
    if (this.#context.isSignedIn) yield* new ChangeFeed(this.#context).notices(signal)
    else yield { kind: 'down', reason: 'the server tells guests nothing', isOffered: false }
  }

  now(): number {
    return this.#context.client.serverClock.now()
  }

  async *changesSince(sinceMs: number, { signal }: CallOptions = {}): AsyncGenerator<ChangedPage> {
    const { client, clock, pageSize, noContent } = this.#context
    const from = Math.max(1, Math.floor((sinceMs - MARGIN_MS) / 1000))
    const uri = `${uriOf(this.#context, [])}?updated_gte=${from}&updated_lte=${NEVER_S}`
    const startedAt = clock.monotonic()
    const fetch = (token: string | undefined) => listFolder(client, uri, { pageSize, token, signal })
    try {
      for await (const { files } of walkSubtree({ fetch, subject: 'what was changed' })) {
        // The answer has just told what time it is there.
        const askedAtMs = this.now() - (clock.monotonic() - startedAt)
        yield { entries: files.map((file) => toEntry(file, noContent)), askedAtMs }
      }
    } catch (error) {
      throw toRemoteError(error, signal)
    }
  }
}
