import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { renderTable } from '../table.ts'

export interface AccountsFlags {
  readonly json?: true
}

export function addAccounts(program: Command, context: CliContext): void {
  program
    .command('accounts')
    .description('list who is signed in on this machine')
    .option('--json', 'for programs: an array of {"email","url","nickname","userId"}')
    .addHelpText(
      'after',
      `
The first is the default: the one that signed in last.

Example:
  cloudreve-mount accounts`,
    )
    .action((flags: AccountsFlags) => accounts(context, flags))
}

export async function accounts({ io, accounts }: CliContext, { json }: AccountsFlags): Promise<void> {
  const list = await accounts.list()
  if (json) {
    io.out(JSON.stringify(list.map(({ email, url, nickname, userId }) => ({ email, url, nickname, userId }))))
  } else if (list.length === 0) {
    io.out('nobody is signed in')
  } else {
    const rows = list.map(({ email, url, nickname }) => [email, url, nickname])
    for (const line of renderTable(['E-MAIL', 'SERVER', 'NAME'], rows, io.columns)) io.out(line)
  }
}
