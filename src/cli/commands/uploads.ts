/** `retry` and `discard`: what to do with a file whose upload was given up. */
import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { printable } from '../table.ts'

export interface DiscardFlags {
  readonly yes?: true
}

export function addUploads(program: Command, context: CliContext): void {
  program
    .command('retry')
    .description('try to upload a file again, at once, that `status` shows as parked or waiting')
    .argument('<path>', 'a file in a mounted folder')
    .addHelpText(
      'after',
      '\nExample:\n  cloudreve-mount retry ~/cloud/report.odt      after making room on the drive',
    )
    .action((path: string) => retry(context, path))
  program
    .command('discard')
    .description(
      'throw away the changes of a file that `status` shows as parked: it is then what the server has',
    )
    .argument('<path>', 'a file in a mounted folder that no program has open')
    .option('--yes', 'do not ask; needed where there is no terminal')
    .addHelpText(
      'after',
      '\nThe changes are nowhere else: copy the file out of the mount first if they may matter. A file that the server never' +
        '\nhad is gone.\n\nExample:\n  cp ~/cloud/report.odt ~/report-mine.odt && cloudreve-mount discard ~/cloud/report.odt',
    )
    .action((path: string, flags: DiscardFlags) => discard(context, path, flags))
}

export async function retry({ io, mounts }: CliContext, path: string): Promise<void> {
  await mounts.callAt<null>(path, 'retry')
  io.err(`${printable(path)} is being uploaded again; \`cloudreve-mount status\` shows how far it is`)
}

export async function discard(context: CliContext, path: string, { yes }: DiscardFlags): Promise<void> {
  const { io, prompts, mounts } = context
  if (!yes) {
    if (!io.canAsk)
      throw new CliError('there is no terminal to ask at: --yes throws the changes away', exitCodes.usage)
    const answer = await prompts.text(
      `Throw away the changes of ${printable(path)} that are not on the server? They are nowhere else. (yes/no)`,
    )
    if (!/^y(es)?$/i.test(answer.trim())) {
      io.err('nothing was thrown away')
      return
    }
  }
  await mounts.callAt<null>(path, 'discard')
  io.err(`the changes of ${printable(path)} were thrown away`)
}
