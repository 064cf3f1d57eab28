import { Option, type Command } from 'commander'
import type { ActivitiesParams, ActivitiesResult } from '../../mount/control-results.ts'
import { parseCount } from '../arguments.ts'
import type { CliContext } from '../context.ts'
import { localTime, renderTable } from '../table.ts'

export interface ActivitiesFlags {
  readonly filter: ActivitiesParams['filter']
  readonly limit?: number
  readonly json?: true
}

export function addActivities(program: Command, context: CliContext): void {
  program
    .command('activities')
    .description('show the history of a file or folder in a mount, newest first')
    .argument('<path>', 'a path in a mounted folder')
    .addOption(
      new Option('--filter <which>', 'only what you did, only changes, or only reads')
        .choices(['all', 'my', 'updates', 'reads'])
        .default('all'),
    )
    .option('--limit <number>', 'at most so many entries (default: all)', parseCount)
    .option('--json', 'for programs: {"derived": …, "entries": […]}')
    .addHelpText(
      'after',
      `
Examples:
  cloudreve-mount activities ~/cloud/report.odt
  cloudreve-mount activities --filter updates --limit 5 ~/cloud/Plans`,
    )
    .action((path: string, flags: ActivitiesFlags) => activities(context, path, flags))
}

export async function activities(
  context: CliContext,
  path: string,
  { filter, limit, json }: ActivitiesFlags,
): Promise<void> {
  const { io, mounts } = context
  const result = await mounts.callAt<ActivitiesResult>(path, 'activities', { filter, limit: limit ?? null })
  if (json) {
    io.out(JSON.stringify(result))
    return
  }
  if (result.entries.length === 0) io.err('no activities are recorded')
  else for (const line of activityLines(result, io.columns)) io.out(line)
  if (result.derived) {
    io.err('This server keeps no activity log: the history was put together from versions, shares and dates.')
  }
}

export function activityLines({ entries }: ActivitiesResult, width: number): string[] {
  const rows = entries.map(({ at, who, what }) => [localTime(at), who ?? '-', what])
  return renderTable(['TIME', 'WHO', 'WHAT'], rows, width)
}
