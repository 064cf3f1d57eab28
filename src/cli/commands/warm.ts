import type { Command } from 'commander'
import type { WarmedResult, WarmingProgress } from '../../mount/control-results.ts'
import type { Json } from '../../mount/spec.ts'
import type { CliContext } from '../context.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { warmProgress } from '../progress.ts'
import { counted, printable, sizeInWords } from '../table.ts'

export interface WarmFlags {
  readonly json?: true
}

export function addWarm(program: Command, context: CliContext): void {
  program
    .command('warm')
    .description('bring a file, or all files in a folder, into the cache on this machine')
    .argument('<path>', 'a path in a mounted folder')
    .option('--json', 'for programs: one object')
    .addHelpText(
      'after',
      `
Reading them then asks the server for nothing, and works while it is away, until they are changed elsewhere or other files
take the room: what was used longest ago goes first. \`--cache-limit\` of the mount says how much room there is.

Examples:
  cloudreve-mount warm ~/cloud/films/one.mkv
  cloudreve-mount warm ~/cloud/Projects`,
    )
    .action((path: string, flags: WarmFlags) => bringHere(context, path, { ...flags, method: 'warm' }))
}

export async function bringHere(
  { io, mounts }: CliContext,
  path: string,
  { json, method }: WarmFlags & { readonly method: 'warm' | 'pin' },
): Promise<void> {
  const progress = warmProgress(io)
  const onProgress = (event: Json) => progress.update(event as unknown as WarmingProgress)
  let result: WarmedResult
  try {
    result = await mounts.callAt<WarmedResult>(path, method, {}, onProgress)
  } finally {
    progress.stop()
  }
  const { files, bytes, fetchedBytes, leftFiles, reason } = result
  if (json) io.out(JSON.stringify(result))
  else if (files === 0 && method === 'warm') io.err(`${printable(path)} has no content to be fetched`)
  else if (leftFiles === 0) {
    const where = method === 'pin' ? 'kept here' : 'in the cache'
    io.err(
      `${counted(files, 'file')} ${where}, ${sizeInWords(bytes)}, of which ${sizeInWords(fetchedBytes)} were fetched`,
    )
  }
  if (leftFiles > 0)
    throw new CliError(
      `${counted(leftFiles, 'file')} of ${files} could not be fetched whole: ${printable(reason ?? '')}`,
      exitCodes.failed,
    )
}
