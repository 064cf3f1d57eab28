/** `pending`: what is not on the server yet, and what a person can do about it. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type {
  DiscardedResult,
  RetriedResult,
  SavedResult,
  UploadStatus,
} from '../../mount/control-results.ts'
import { changeInWords, countedChanges } from '../changes-in-words.ts'
import { parseMountpoint } from '../arguments.ts'
import type { CliContext } from '../context.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { leftInWords } from '../left-changes.ts'
import { printable, renderTable, sizeInWords } from '../table.ts'
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
    .description('list what is not on the server yet, and decide about what it does not take')
    .argument('[mountpoint]', 'only of this mount', parseMountpoint)
    .option('--json', 'for programs: an array with one object a change')
    .addHelpText(
      'after',
      `
Names count too: renames, deletions, new folders and links. What waits goes by itself, once a lock is gone or the server is back.
A parked file waits for you: make room or rename it, then \`retry\`; or \`save-as\` elsewhere, then \`discard\`.
So does a parked name: a new folder that the server refuses is kept here, a refused rename or deletion is shown as before.

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
    .description('try a change again, at once, that is parked or waiting')
    .argument('[path]', 'a file or folder in a mounted folder, also one that was deleted')
    .option('--all', 'every change in every mount')
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
    .description('throw away a parked change, or take back a rename or deletion that waits')
    .argument('<path>', 'a file or folder in a mounted folder, also one that was deleted')
    .option('--yes', 'do not ask; needed where there is no terminal')
    .addHelpText(
      'after',
      `
Changes of a file are nowhere else: use save-as first if they may matter, and close it. A file that the server never had is gone,
and so is a new folder that it refuses, if that is empty. A rename or deletion that waits is taken back: programs see the old name.`,
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
  const rows = uploads.map((upload) => [
    upload.state,
    upload.kind === 'content' ? sizeInWords(upload.sizeBytes) : '',
    upload.path,
    changeInWords(upload),
    upload.reason ?? '',
  ])
  return renderTable(['state', 'size', 'file', 'change', 'why'], rows, width)
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
    io.err(`${printable(path)} is being sent again; ${follow}`)
    return
  }
  const tried = { files: 0, others: 0 }
  for (const { mountpoint } of await mounts.list()) {
    const { files, others } = await mounts.call<RetriedResult>(mountpoint, 'retryAll')
    tried.files += files
    tried.others += others
  }
  io.err(
    tried.files + tried.others === 0
      ? 'everything is on the server'
      : `trying to send ${countedChanges(tried)} again; ${follow}`,
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
      `Throw away what is not on the server of ${printable(path)}? It is nowhere else. (yes/no)`,
    )
    if (!/^y(es)?$/i.test(answer.trim())) {
      io.err('nothing was thrown away')
      return
    }
  }
  const { what } = await mounts.callAt<DiscardedResult>(path, 'discard')
  io.err(discarded[what](printable(path)))
}

const discarded: Record<DiscardedResult['what'], (path: string) => string> = {
  content: (path) => `the changes of ${path} were thrown away`,
  refusal: (path) => `${path} is as the server has it; what it has refused is forgotten`,
  'new name': (path) => `${path}, which the server never had, is gone`,
  rename: (path) => `the rename to ${path} is taken back: the old name is shown again`,
  deletion: (path) => `the deletion is taken back: ${path} is shown again`,
}
