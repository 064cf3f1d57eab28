import type { Command } from 'commander'
import type { SignInPrompts } from '../../auth/sign-in.ts'
import { askWithPicture } from '../captcha-file.ts'
import type { CliContext } from '../context.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { printable } from '../table.ts'

export interface LoginFlags {
  readonly email?: string
  readonly passwordStdin?: true
  readonly otp?: string
}

export function addLogin(program: Command, context: CliContext): void {
  program
    .command('login')
    .description('sign in to a server; asks for what is not given')
    .argument('<url>', 'address of the server, such as https://cloud.example.com')
    .option('--email <address>', 'who signs in')
    .option('--password-stdin', 'read the password from standard input')
    .option('--otp <code>', 'code of the authenticator app, for accounts with two-factor sign-in')
    .addHelpText('after', loginHelp)
    .action((url: string, flags: LoginFlags) => login(context, url, flags))
}

const loginHelp = `
A password is never taken from the command line: other users of the machine can read that.

Examples:
  cloudreve-mount login https://cloud.example.com
  pass cloud | cloudreve-mount login --email ann@example.com --password-stdin https://cloud.example.com`

export async function login(context: CliContext, url: string, flags: LoginFlags): Promise<void> {
  const { io, accounts } = context
  const email = flags.email ?? (await ask(context, 'text', 'E-mail address', '--email'))
  const password = flags.passwordStdin
    ? withoutLineBreak(await io.readInput())
    : await ask(context, 'secret', 'Password', '--password-stdin')
  if (password === '') throw new CliError('the password on standard input is empty', exitCodes.usage)
  const account = await accounts.signIn(url, { email, password, prompts: promptsFor(context, flags) })
  io.out(`signed in as ${printable(account.nickname)} (${printable(account.email)}) at ${account.url}`)
}

async function ask(
  { io, prompts }: CliContext,
  kind: 'text' | 'secret',
  question: string,
  flag: string,
): Promise<string> {
  if (!io.canAsk) throw new CliError(`there is no terminal to ask at: use ${flag}`, exitCodes.usage)
  return prompts[kind](question)
}

/** A step that nobody can answer is left out: the sign-in then says what it needs. */
function promptsFor(context: CliContext, { otp }: LoginFlags): SignInPrompts {
  const { io, prompts } = context
  const askCode = io.canAsk ? () => prompts.text('Code of the authenticator app') : undefined
  const twoFactorCode =
    otp === undefined ? askCode : (attempt: number) => (attempt === 1 ? Promise.resolve(otp) : again(askCode))
  return {
    ...(twoFactorCode ? { twoFactorCode } : {}),
    ...(io.canAsk
      ? {
          captcha: (picture) => askWithPicture(io, picture, () => prompts.text('What does the picture say?')),
        }
      : {}),
  }
}

function again(askCode: (() => Promise<string>) | undefined): Promise<string> {
  if (askCode) return askCode()
  return Promise.reject(new CliError('the code given with --otp was wrong or too old', exitCodes.signIn))
}

function withoutLineBreak(text: string): string {
  return text.replace(/\r?\n$/, '')
}
