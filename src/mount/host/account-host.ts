import type { FuseDriver, Mounted } from '../../fuse/driver.ts'
import type { DrainResult } from '../composition.ts'
import type { ControlMethods, Json, MountSpec } from '../spec.ts'

/**
 * Where the mounts of one account are served: sign-in, connections, drives and drivers, in the thread of whoever made it or in
 * one of their own. All that a serving process does with them goes through here.
 */
export interface AccountHost {
  /** The server and the user's id: the same for every way to name the account. */
  readonly accountId: string
  /** For people. */
  readonly account: string
  /** @throws an error whose message is a sentence, when it cannot be mounted */
  mount(spec: MountSpec): Promise<HostedMount>
  /** Ends it; no mount is left by then, or never was. */
  close(): Promise<void>
  /** Resolves when it has ended by itself, with the reason: its mounts are dead. */
  readonly lost: Promise<Error>
}

export interface HostedMount extends Mounted {
  readonly driver: Pick<FuseDriver, 'name' | 'capabilities'>
  /** Sentences that whoever wants this mount should read before using it. */
  readonly notes: readonly string[]
  /** Questions that the mount answers. */
  readonly methods: ControlMethods
  /** As `Composition.drain`. */
  drain(onProgress: (event: Json) => void, signal: AbortSignal): Promise<DrainResult>
  /** Called last; what is not sent stays on disk. */
  close(): Promise<void>
}
