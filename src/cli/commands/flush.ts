import type { Command } from 'commander'
import type { PendingProgress, PendingResult } from '../../mount/control-results.ts'
import type { Json } from '../../mount/spec.ts'
import type { CliContext } from '../context.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { notMounted } from '../mounts.ts'
import { uploadProgress, type Progress } from '../progress.ts'
import { counted } from '../table.ts'

export function addFlush(program: Command, context: CliContext): void {
  program
    .command('flush')
    .description('wait until the server has everything that was written')
    .argument('[mountpoint]', 'only of this mount')
    .addHelpText(
      'after',
      `
Files that are open are sent as they are now. Ends with 3 when something cannot be uploaded.

Examples:
  cloudreve-mount flush
  cloudreve-mount flush ~/cloud && systemctl suspend`,
    )
    .action((mountpoint: string | undefined) => flush(context, mountpoint))
}

export async function flush(context: CliContext, mountpoint: string | undefined): Promise<void> {
  const { io, mounts } = context
  const wanted = mountpoint === undefined ? await mounts.list() : [await mounts.at(mountpoint)]
  const progress = uploadProgress(io)
  const left: string[] = []
  try {
    for (const mount of wanted) {
      if (!mount) throw notMounted(mountpoint!)
      const leftFiles = await flushed(context, mount.mountpoint, progress)
      if (leftFiles > 0) left.push(`${counted(leftFiles, 'file')} in ${mount.mountpoint}`)
    }
  } finally {
    progress.stop()
  }
  if (left.length > 0)
    throw new CliError(
      `${left.join(' and ')} cannot be uploaded: \`cloudreve-mount pending\` says why`,
      exitCodes.notSaved,
    )
}

/** Sends everything in the mount without its quiet time; answers how many files cannot be sent. */
export async function flushed(
  { mounts }: Pick<CliContext, 'mounts'>,
  mountpoint: string,
  progress: Progress,
): Promise<number> {
  const onProgress = (event: Json) => progress.update(event as unknown as PendingProgress)
  return (await mounts.call<PendingResult>(mountpoint, 'flush', null, onProgress)).leftFiles
}
