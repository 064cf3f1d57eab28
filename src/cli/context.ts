import type { SignInRequest } from '../auth/sign-in.ts'
import type { Paths } from '../config/paths.ts'
import type { MountSpec } from '../mount/spec.ts'
import type { AccountRecord } from './accounts.ts'
import type { Io } from './io.ts'
import type { Mounts } from './mounts.ts'
import type { Prompts } from './prompts.ts'

/** What commands work with; tests pass their own. */
export interface CliContext {
  readonly io: Io
  readonly prompts: Prompts
  readonly paths: Paths
  readonly mounts: Mounts
  readonly accounts: AccountBook
  readonly starter: MountStarter
  /** Of package.json. */
  readonly version: string
}

/** Who is signed in on this machine. */
export interface AccountBook {
  list(): Promise<readonly AccountRecord[]>
  /**
   * Signs in and keeps the tokens.
   * @throws {CliError} `signIn` or `unreachable`
   */
  signIn(url: string, request: SignInRequest): Promise<KeptSignIn>
  /** Tells the server, and forgets the tokens also when it cannot be told. */
  signOut(account: AccountRecord): Promise<void>
}

export interface KeptSignIn {
  readonly account: AccountRecord
  /** `the desktop keyring`, or a file's path. */
  readonly keptIn: string
}

export interface MountStarter {
  /** Resolves when programs can use the folder. @throws {MountError} */
  startInBackground(spec: MountSpec): Promise<{ readonly pid: number }>
  /** Resolves with an exit code when the mount is gone. */
  runForeground(spec: MountSpec): Promise<number>
  /** Takes a mount of ours whose process died out of the tree; false when there is none at `mountpoint`. */
  cleanStale(mountpoint: string): Promise<boolean>
}
