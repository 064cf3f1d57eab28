import type { Command } from 'commander'
import type { MountStatus } from '../../mount/control-results.ts'
import type { Account } from '../../auth/sign-in.ts'
import { accountName } from '../accounts.ts'
import type { CliContext } from '../context.ts'
import { areOrIs, countedChanges, countsOf } from '../changes-in-words.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { changesInWords } from '../left-changes.ts'

export interface LogoutFlags {
  readonly force?: true
}

export function addLogout(program: Command, context: CliContext): void {
  program
    .command('logout')
    .description('sign out and forget the account; refused while it is mounted or has unsent changes')
    .argument('[account]', 'e-mail address or server, where several are signed in')
    .option('--force', 'in any case: what is not uploaded yet stays on this machine')
    .addHelpText(
      'after',
      `
Examples:
  cloudreve-mount logout                      the account that signed in last
  cloudreve-mount logout ann@example.com`,
    )
    .action((account: string | undefined, flags: LogoutFlags) => logout(context, account, flags))
}

export async function logout(
  context: CliContext,
  wanted: string | undefined,
  { force }: LogoutFlags,
): Promise<void> {
  const account = await context.accounts.find(wanted)
  const words = accountName(account)
  const running = await context.mounts.list()
  const mounted = running.find((mount) => mount.account === words)
  if (mounted) {
    const pending = await pendingFiles(context, mounted.mountpoint)
    const sentence = `${words} is mounted on ${mounted.mountpoint}${pending}`
    if (!force)
      throw new CliError(
        `${sentence}: run \`cloudreve-mount umount ${mounted.mountpoint}\` first`,
        exitCodes.notSaved,
      )
    context.io.err(`${sentence}; signing out all the same`)
  } else await requireNothingLeft(context, account, force)
  const isTold = await context.accounts.signOut(account)
  context.io.out(`signed out ${words}`)
  if (!isTold) context.io.err('The server could not be told: there the sign-in lives on until it expires.')
}

/** Whoever signs in as the same user again gets it sent. */
async function requireNothingLeft(
  context: CliContext,
  account: Account,
  force: true | undefined,
): Promise<void> {
  const count = await context.leftChanges(account)
  if (count === 0) return
  const sentence = `${accountName(account)}: ${changesInWords(count)}`
  if (!force)
    throw new CliError(
      `${sentence}: mount it once more to have them sent, or leave them on this machine with --force`,
      exitCodes.notSaved,
    )
  context.io.err(`${sentence}; they stay on this machine until ${account.email} is mounted here again`)
}

async function pendingFiles({ mounts }: CliContext, mountpoint: string): Promise<string> {
  const { uploads } = await mounts.call<MountStatus>(mountpoint, 'status')
  const counts = countsOf(uploads)
  return uploads.length === 0
    ? ''
    : ` and ${countedChanges(counts)} there ${areOrIs(counts)} not on the server yet`
}
