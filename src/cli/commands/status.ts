import type { Command } from 'commander'
import { messageOf } from '../../base/error-message.ts'
import type { MountStatus, UploadStatus } from '../../mount/control-results.ts'
import type { RunningMount } from '../../mount/spec.ts'
import { changeInWords, countedChanges, countsOf } from '../changes-in-words.ts'
import { parseMountpoint } from '../arguments.ts'
import type { CliContext } from '../context.ts'
import { leftInWords } from '../left-changes.ts'
import { notMounted } from '../mounts.ts'
import { localTime, printable, renderTable, sizeInWords } from '../table.ts'

export interface StatusFlags {
  readonly json?: true
}

export function addStatus(program: Command, context: CliContext): void {
  program
    .command('status')
    .description('show what is mounted, what is being sent and what needs attention')
    .argument('[mountpoint]', 'only this mount', parseMountpoint)
    .option('--json', 'for programs: an array with one object a mount')
    .addHelpText(
      'after',
      `
A parked file, folder or name waits for you: see \`cloudreve-mount pending --help\`.

Examples:
  cloudreve-mount status
  cloudreve-mount status --json ~/cloud`,
    )
    .action((mountpoint: string | undefined, flags: StatusFlags) => status(context, mountpoint, flags))
}

/** A mount that does not answer is shown with what its record says. */
export type AnsweredStatus = MountStatus | (RunningMount & { readonly trouble: string })

export async function status(
  context: CliContext,
  mountpoint: string | undefined,
  { json }: StatusFlags,
): Promise<void> {
  const statuses = await statusesOf(context, mountpoint)
  if (json) {
    context.io.out(JSON.stringify(statuses))
    return
  }
  const lines = statuses.length === 0 ? ['nothing is mounted'] : statusLines(statuses, context.io.columns)
  const left = mountpoint === undefined ? await leftInWords(context) : []
  for (const line of [...lines, ...left]) context.io.out(line)
}

/** What the mounts answer; of one of them where `mountpoint` says which. */
export async function statusesOf(
  context: CliContext,
  mountpoint: string | undefined,
): Promise<readonly AnsweredStatus[]> {
  const wanted = mountpoint === undefined ? await context.mounts.list() : [await only(context, mountpoint)]
  return Promise.all(wanted.map((mount) => ask(context, mount)))
}

async function only({ mounts }: CliContext, mountpoint: string): Promise<RunningMount> {
  const mount = await mounts.at(mountpoint)
  if (!mount) throw notMounted(mountpoint)
  return mount
}

async function ask(context: CliContext, mount: RunningMount): Promise<AnsweredStatus> {
  try {
    return await context.mounts.call<MountStatus>(mount.mountpoint, 'status')
  } catch (error) {
    return { ...mount, trouble: messageOf(error) }
  }
}

export function statusLines(statuses: readonly AnsweredStatus[], width: number): string[] {
  return statuses.flatMap((mount, index) => [...(index > 0 ? [''] : []), ...linesOf(mount, width)])
}

function linesOf(mount: AnsweredStatus, width: number): string[] {
  const head = [printable(mount.mountpoint), `  account   ${printable(mount.account)}`]
  const since = `since ${localTime(mount.startedAt)}, process ${mount.pid}`
  if ('trouble' in mount)
    return [...head, `  state     ${mount.state}, ${since}`, `  trouble   ${mount.trouble}`]
  const state = mount.state === 'draining' ? 'not mounted any more, still uploading or in use' : mount.state
  return [
    ...head,
    `  root      ${printable(mount.rootUri)}${mount.readOnly ? ' (read-only)' : ''}`,
    `  state     ${state}, ${since}, driver ${mount.driver}`,
    `  server    ${mount.serverTrouble === null ? 'fine' : printable(mount.serverTrouble)}`,
    `  changes   ${changesInWords(mount.changes)}`,
    ...(mount.versionLoss === null ? [] : [`  versions  ${printable(mount.versionLoss)}`]),
    ...limitLines(mount.limits),
    `  uploads   ${uploadSummary(mount.uploads)}`,
    ...uploadLines(mount.uploads, width),
    ...mount.lostAndFound.map(
      (path) => `  saved     ${printable(path)} (was not uploaded, and nothing is known of its place)`,
    ),
  ]
}

/** How changes of others are seen. */
function changesInWords({ state, since, everyMs, reason }: MountStatus['changes']): string {
  if (state === 'live') return `told by the server since ${localTime(since ?? 0)}`
  const why = printable(reason ?? '')
  if (state === 'none') return `seen when listings are old: ${why}`
  return `asked for every ${Math.round((everyMs ?? 0) / 100) / 10} s while in use: ${why}`
}

function limitLines({ uploadBytesPerSecond, downloadBytesPerSecond }: MountStatus['limits']): string[] {
  const said = [
    ['uploads', uploadBytesPerSecond],
    ['downloads', downloadBytesPerSecond],
  ] as const
  const limited = said.filter(([, bytes]) => bytes > 0)
  if (limited.length === 0) return []
  return [`  limits    ${limited.map(([what, bytes]) => `${what} ${sizeInWords(bytes)}/s`).join(', ')}`]
}

function uploadSummary(uploads: readonly UploadStatus[]): string {
  if (uploads.length === 0) return 'everything is on the server'
  const leftBytes = uploads.reduce((sum, { sizeBytes, sentBytes }) => sum + sizeBytes - sentBytes, 0)
  const counts = countsOf(uploads)
  const size = counts.files === 0 ? '' : `, ${sizeInWords(leftBytes)}`
  const parked = uploads.filter(({ state }) => state === 'parked').length
  const attention = parked > 0 ? `, ${parked} of them ${parked === 1 ? 'needs' : 'need'} attention` : ''
  return `${countedChanges(counts)}${size} to send${attention}`
}

/** Parked ones first: they are the ones that wait for a person. */
function uploadLines(uploads: readonly UploadStatus[], width: number): string[] {
  const order = ['parked', 'uploading', 'waiting']
  const sorted = [...uploads].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))
  if (sorted.length === 0) return []
  const rows = sorted
    .slice(0, 20)
    .map((upload) => [upload.state, share(upload), upload.path, whyInWords(upload)])
  const lines = renderTable(['', '', '', ''], rows, width - 12).slice(1)
  if (sorted.length > 20) lines.push(`and ${sorted.length - 20} more`)
  return lines.map((line) => `            ${line}`)
}

function whyInWords(upload: UploadStatus): string {
  const { kind, reason } = upload
  const what = kind === 'content' ? '' : changeInWords(upload)
  return [what, reason ?? ''].filter(Boolean).join(': ')
}

function share({ kind, state, sizeBytes, sentBytes }: UploadStatus): string {
  if (kind !== 'content') return ''
  const size = sizeInWords(sizeBytes)
  return state === 'uploading' && sizeBytes > 0
    ? `${Math.floor((100 * sentBytes) / sizeBytes)} % of ${size}`
    : size
}
