import { extname } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { FileSystem } from '../core/ports.ts'
import type { DriverOptions, FuseDriver } from '../fuse/driver.ts'
import type { ControlMethods, Json, MountSpec } from './spec.ts'

/** What a mount is made of, and how it ends. */
export interface Composition {
  readonly fileSystem: FileSystem
  readonly driver: FuseDriver
  readonly driverOptions: Omit<DriverOptions, 'mountpoint' | 'readOnly'>
  /** Sentences that whoever wants this mount should read before using it. */
  readonly notes?: readonly string[]
  /** Questions that this mount answers, beside those that its process answers itself. */
  readonly methods: ControlMethods
  /**
   * Sends what was written to it until nothing is left, or nothing that can be sent. Called when the folder is not mounted any more
   * (files may still be open). `signal` is aborted when there is no more time, perhaps from the start.
   */
  drain(onProgress: (event: Json) => void, signal: AbortSignal): Promise<DrainResult>
  /** Ends the mount; with the last one of a drive the drive too. What is not sent stays on disk. */
  close(): Promise<void>
}

export interface DrainResult {
  /** Operations that are not on the server and stay on this disk. */
  readonly left: number
  /** Why, for a person; empty when nothing is left. */
  readonly reason: string
}

/** An account that mounts can be made of; known before anything of the account's state is opened. */
export interface Prepared {
  /** The server and the user's id: the same for every way to name the account. */
  readonly accountId: string
  /** For people. */
  readonly account: string
  /**
   * Builds one mount; what it has in common with others of the account is shared. The account belongs to this process by then,
   * and until the last of them is closed.
   *
   * @throws an error whose message is a sentence, when there can be no such mount
   */
  mount(spec: MountSpec): Promise<Composition>
  /** Ends what finding out has begun (connections) and `Composition.close` does not; called last, also when there was no mount after all. */
  close?(): Promise<void>
}

export interface ComposeParts {
  readonly clock: Clock
  readonly log: Log
}

/** Finds out who the mount is for (signing in, where that is needed to know). */
export type Compose = (spec: MountSpec, parts: ComposeParts) => Promise<Prepared>

/** The product's own, beside this file; another one can be named in its place. */
export const defaultComposition = new URL(`./compose${extname(import.meta.url)}`, import.meta.url).href

/** Loads the exported function `compose` of a module. */
export async function loadCompose(moduleUrl: string): Promise<Compose> {
  const { compose } = (await import(moduleUrl)) as { compose: Compose }
  return compose
}
