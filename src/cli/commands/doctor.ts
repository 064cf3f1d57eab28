/** `cloudreve-mount doctor`: looks at everything that a mount needs, and says what helps. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { messageOf } from '../../base/error-message.ts'
import { AccountStore } from '../../auth/account-store.ts'
import { desktopKeyring } from '../../auth/keyring.ts'
import { ConfigError } from '../../config/config-error.ts'
import type { MountOptions } from '../../config/options.ts'
import type { ExaminedAccount } from '../../mount/doctor/accounts.ts'
import type { ExamineRequest } from '../../mount/doctor/examine.ts'
import { fail, type Finding } from '../../mount/doctor/finding.ts'
import { redactText } from '../../mount/redact.ts'
import { hasEnvironmentAccount } from '../accounts.ts'
import { parseMountpoint } from '../arguments.ts'
import type { CliContext } from '../context.ts'
import { CliError, exitCodes, type ExitCode } from '../exit-codes.ts'
import { counted, printable } from '../table.ts'
import { mountOptionsFrom } from './mount.ts'

export interface DoctorFlags {
  readonly json?: true
}

/** Looks; tests pass their own. */
export type Examine = (request: ExamineRequest) => AsyncIterable<Finding>

export function addDoctor(program: Command, context: CliContext): void {
  program
    .command('doctor')
    .description('look for what keeps mounts from working well, and say what helps')
    .argument(
      '[mountpoint]',
      'also this folder, and only the account that would be mounted there',
      parseMountpoint,
    )
    .option('--json', 'for programs: {"ok": …, "findings": [{"check","level","text","remedy","account"}]}')
    .addHelpText('after', helpText)
    .action(async (mountpoint: string | undefined, flags: DoctorFlags) => {
      const { examineHere } = await import('../../mount/doctor/examine.ts')
      const examine: Examine = (request) => examineHere(request, context.io.environment)
      process.exitCode = await doctor(context, mountpoint, { ...flags, examine })
    })
}

const helpText = `
It looks at this machine (kernel, /dev/fuse, fusermount3, drivers, dead mounts, folders, free space) and at each
account (server, sign-in, clock, older versions, space, whether contents can be read). It changes nothing.

Examples:
  cloudreve-mount doctor
  cloudreve-mount doctor ~/cloud      with the options that config.toml has for that folder

It ends with 0 when nothing fails (warnings do not count), with 4 or 5 when all that fails is a sign-in or a
server out of reach, else with 1.`

/** @returns the exit code */
export async function doctor(
  context: CliContext,
  mountpoint: string | undefined,
  { json, examine }: DoctorFlags & { readonly examine: Examine },
): Promise<ExitCode> {
  const found: Finding[] = []
  const report = new Report(context)
  const tell = (finding: Finding) => {
    const safe = withoutSecrets(finding)
    found.push(safe)
    if (!json) report.add(safe)
  }
  const { request, trouble } = await requestFor(context, mountpoint)
  for await (const finding of examine(request)) tell(finding)
  for (const finding of trouble) tell(finding)
  const exitCode = exitCodeFor(found)
  if (json) context.io.out(JSON.stringify({ ok: exitCode === exitCodes.ok, findings: found }))
  else report.end(found)
  return exitCode
}

/** What is to be looked at; what already the command line could not make sense of is a finding. */
async function requestFor(
  context: CliContext,
  mountpoint: string | undefined,
): Promise<{ request: ExamineRequest; trouble: Finding[] }> {
  const trouble: Finding[] = []
  const folder = mountpoint === undefined ? undefined : resolve(mountpoint)
  const options = await mountOptionsFrom(context, folder ?? '/', {}).catch((error: unknown) => {
    if (!(error instanceof ConfigError)) throw error
    const remedy = `put it right there; docs/CONFIGURATION.md has every option`
    trouble.push(fail('configuration', error.message, { remedy }))
    return undefined
  })
  const accounts = await accountsFor(context, folder, options).catch((error: unknown) => {
    trouble.push(accountTrouble(error))
    return []
  })
  const { allowOther = false, driver = 'auto' } = options ?? {}
  return { request: { mountpoint: folder, allowOther, driver, paths: context.paths, accounts }, trouble }
}

/** With a folder the account that a mount there would take, without one all of them. */
async function accountsFor(
  { io, paths, accounts }: CliContext,
  folder: string | undefined,
  options: MountOptions | undefined,
): Promise<readonly ExaminedAccount[]> {
  const { storedAccount } = await import('../../mount/doctor/accounts.ts')
  const store = new AccountStore({
    folder: paths.stateFolder,
    keyring: desktopKeyring,
    onPlainFile: () => undefined,
  })
  const isFromEnvironment = options?.account === undefined && hasEnvironmentAccount(io.environment)
  const environment = isFromEnvironment ? [await accountOf(io.environment)] : []
  if (folder === undefined) {
    const stored = (await accounts.list()).map((account) => storedAccount(store, account))
    const all = [...environment, ...stored]
    if (all.length > 0) return all
  }
  if (folder !== undefined && isFromEnvironment) return environment
  return [storedAccount(store, await accounts.find(options?.account))]
}

async function accountOf(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ExaminedAccount> {
  const { environmentAccount } = await import('../../mount/doctor/accounts.ts')
  const {
    CLOUDREVE_URL: url = '',
    CLOUDREVE_EMAIL: email = '',
    CLOUDREVE_PASSWORD: password = '',
  } = environment
  try {
    return environmentAccount({ url, email, password })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new CliError(`CLOUDREVE_URL in the environment will not do: ${error.message}`, exitCodes.usage)
  }
}

function accountTrouble(error: unknown): Finding {
  const text = messageOf(error)
  const isSignedOut = error instanceof CliError && error.exitCode === exitCodes.signIn
  if (isSignedOut) {
    const remedy =
      'cloudreve-mount login https://your.server, or set CLOUDREVE_URL, CLOUDREVE_EMAIL and CLOUDREVE_PASSWORD'
    return fail('accounts', 'nobody is signed in', { remedy, cause: 'sign-in' })
  }
  return fail('accounts', text, {
    remedy: 'put that right; `cloudreve-mount accounts` lists who is signed in',
  })
}

function withoutSecrets(finding: Finding): Finding {
  const { text, remedy } = finding
  return {
    ...finding,
    text: redactText(text),
    ...(remedy === undefined ? {} : { remedy: redactText(remedy) }),
  }
}

/** A kind of its own only where nothing else failed: a script may try a failed sign-in or network again. */
function exitCodeFor(findings: readonly Finding[]): ExitCode {
  const failed = findings.filter(({ level }) => level === 'fail')
  if (failed.length === 0) return exitCodes.ok
  if (failed.every(({ cause }) => cause === 'sign-in')) return exitCodes.signIn
  if (failed.every(({ cause }) => cause === 'unreachable')) return exitCodes.unreachable
  return exitCodes.failed
}

const CHECK_WIDTH = 15

/** Findings as they come: some take seconds. */
class Report {
  readonly #io: CliContext['io']
  #part: string | undefined

  constructor({ io }: CliContext) {
    this.#io = io
  }

  add({ check, level, text, remedy, account }: Finding): void {
    const part = account ?? 'this machine'
    if (part !== this.#part) {
      if (this.#part !== undefined) this.#io.out('')
      this.#io.out(printable(part))
    }
    this.#part = part
    this.#io.out(printable(`  ${level.padEnd(5)} ${check.padEnd(CHECK_WIDTH)} ${text}`))
    if (remedy !== undefined) this.#io.out(printable(`        ${' '.repeat(CHECK_WIDTH)} -> ${remedy}`))
  }

  end(findings: readonly Finding[]): void {
    const count = (wanted: Finding['level']) => findings.filter(({ level }) => level === wanted).length
    const parts = [
      ...(count('fail') > 0 ? [counted(count('fail'), 'problem')] : []),
      ...(count('warn') > 0 ? [counted(count('warn'), 'warning')] : []),
    ]
    this.#io.out('')
    this.#io.out(parts.length === 0 ? 'Everything is as it should be.' : `${parts.join(', ')}.`)
  }
}
