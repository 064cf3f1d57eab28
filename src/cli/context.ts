import type { Account } from '../auth/sign-in.ts'
import type { Paths } from '../config/paths.ts'
import type { MountSpec } from '../mount/spec.ts'
import type { AccountBook } from './accounts.ts'
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
  /** How many changes a mount of the account has left on this machine that the server does not have. */
  readonly leftChanges: (account: Account) => Promise<number>
  /** Of package.json. */
  readonly version: string
}

export interface MountStarter {
  /** Resolves when programs can use the folder. @throws {MountError} */
  startInBackground(spec: MountSpec): Promise<{ readonly pid: number }>
  /** Resolves with an exit code when the mount is gone. */
  runForeground(spec: MountSpec): Promise<number>
  /** Takes a mount of ours whose process died out of the tree; false when there is none at `mountpoint`. */
  cleanStale(mountpoint: string): Promise<boolean>
}
