import type { Command } from 'commander'
import type { Fact } from '../../mount/control-results.ts'
import type { CliContext } from '../context.ts'
import { renderPairs } from '../table.ts'

export interface InfoFlags {
  readonly json?: true
}

const PREFIX = 'user.cloudreve.'

export function addInfo(program: Command, context: CliContext): void {
  program
    .command('info')
    .description('show everything that is known about a file or folder in a mount')
    .argument('<path>', 'a path in a mounted folder')
    .option('--json', 'for programs: one object, names of the extended attributes to values')
    .addHelpText(
      'after',
      `
Examples:
  cloudreve-mount info ~/cloud/report.odt
  getfattr -n user.cloudreve.id ~/cloud/report.odt      one of them, without this program`,
    )
    .action((path: string, flags: InfoFlags) => info(context, path, flags))
}

export async function info(context: CliContext, path: string, { json }: InfoFlags): Promise<void> {
  const facts = await context.mounts.callAt<readonly Fact[]>(path, 'facts')
  if (json) {
    context.io.out(JSON.stringify(Object.fromEntries(facts.map(({ name, value }) => [name, value]))))
    return
  }
  const known = facts.filter(({ value }) => value !== '')
  const pairs = known.map(
    ({ name, value }) => [name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name, value] as const,
  )
  for (const line of renderPairs(pairs)) context.io.out(line)
}
