/** `pending`: what is not on the server yet, and what a person can do about it. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { RetriedResult, SavedResult, UploadStatus } from '../../mount/control-results.ts'
import type { CliContext } from '../context.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { leftInWords } from '../left-changes.ts'
import { counted, printable, renderTable, sizeInWords } from '../table.ts'
import { statusesOf } from './status.ts'

export interface PendingFlags {
  readonly json?: true
}

export interface RetryFlags {
  readonly all?: true
}

export interface DiscardFlags {
  readonly yes?: true
}

export function addPending(program: Command, context: CliContext): void {
  const pending = program
    .command('pending')
    .description('list what is not on the server yet, and decide about files that cannot be uploaded')
    .argument('[mountpoint]', 'only of this mount')
    .option('--json', 'for programs: an array with one object a file')
    .addHelpText(
      'after',
      `
A parked file waits for you: make room or rename it, then \`retry\`; or \`save-as\` elsewhere, then \`discard\`.

Examples:
  cloudreve-mount pending
  cloudreve-mount pending retry --all
  cloudreve-mount pending save-as ~/cloud/report.odt ~/report-mine.odt
  cloudreve-mount pending discard ~/cloud/report.odt`,
    )
    .action((mountpoint: string | undefined, flags: PendingFlags) => list(context, mountpoint, flags))
  addDecisions(pending, context)
}

function addDecisions(pending: Command, context: CliContext): void {
  pending
    .command('retry')
    .description('try to upload a file again, at once, that is parked or waiting')
    .argument('[path]', 'a file in a mounted folder')
    .option('--all', 'every file of every mount')
    .action((path: string | undefined, flags: RetryFlags) => retry(context, path, flags))
  pending
    .command('save-as')
    .description('write the content of a file that is not on the server to another file on this machine')
    .argument('<path>', 'a file in a mounted folder')
    .argument('<target>', 'a file outside of it, which must not exist')
    .addHelpText(
      'after',
      '\nThe file stays as it is: parked or waiting. Parts that were not changed may come from the server.',
    )
    .action((path: string, target: string) => saveAs(context, path, target))
  pending
    .command('discard')
    .description('throw away the changes of a file that is parked: it is then what the server has')
    .argument('<path>', 'a file in a mounted folder that no program has open')
    .option('--yes', 'do not ask; needed where there is no terminal')
    .addHelpText(
      'after',
      '\nThe changes are nowhere else: use save-as first if they may matter. A file that the server never had is gone.',
    )
    .action((path: string, flags: DiscardFlags) => discard(context, path, flags))
}

export async function list(
  context: CliContext,
  mountpoint: string | undefined,
  { json }: PendingFlags,
): Promise<void> {
  const { io } = context
  const statuses = await statusesOf(context, mountpoint)
  const uploads = statuses.flatMap((status) => ('uploads' in status ? status.uploads : []))
  const silent = statuses.filter((status) => 'trouble' in status)
  if (json) io.out(JSON.stringify(uploads))
  else {
    const left = mountpoint === undefined ? await leftInWords(context) : []
    const lines = uploads.length === 0 && left.length > 0 ? [] : pendingLines(uploads, io.columns)
    for (const line of [...lines, ...left]) io.out(line)
  }
  if (silent.length === 0) return
  const why = silent.map(({ mountpoint, trouble }) => `${mountpoint} (${trouble})`).join(', ')
  throw new CliError(`not everything could be asked: ${why}`)
}

export function pendingLines(uploads: readonly UploadStatus[], width: number): string[] {
  if (uploads.length === 0) return ['everything is on the server']
  const rows = uploads.map(({ state, sizeBytes, path, reason }) => [
    state,
    sizeInWords(sizeBytes),
    path,
    reason ?? '',
  ])
  return renderTable(['state', 'size', 'file', 'why'], rows, width)
}

export async function retry(
  context: CliContext,
  path: string | undefined,
  { all }: RetryFlags,
): Promise<void> {
  if ((path === undefined) === (all === undefined))
    throw new CliError('say either one file or --all', exitCodes.usage)
  const { io, mounts } = context
  const follow = '`cloudreve-mount status` shows how far it is'
  if (path !== undefined) {
    await mounts.callAt<null>(path, 'retry')
    io.err(`${printable(path)} is being uploaded again; ${follow}`)
    return
  }
  let files = 0
  for (const { mountpoint } of await mounts.list())
    files += (await mounts.call<RetriedResult>(mountpoint, 'retryAll')).files
  io.err(
    files === 0
      ? 'everything is on the server'
      : `trying to upload ${counted(files, 'file')} again; ${follow}`,
  )
}

export async function saveAs({ io, mounts }: CliContext, path: string, target: string): Promise<void> {
  const { sizeBytes } = await mounts.callAt<SavedResult>(path, 'saveAs', { target: resolve(target) })
  io.err(`${printable(target)} has the content of ${printable(path)} now, ${sizeInWords(sizeBytes)}`)
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
