import type { Command } from 'commander'
import type { PendingProgress, PendingResult } from '../../mount/control-results.ts'
import type { Json } from '../../mount/spec.ts'
import { parseMountpoint } from '../arguments.ts'
import type { CliContext } from '../context.ts'
import { countedChanges, type ChangeCounts } from '../changes-in-words.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { notMounted } from '../mounts.ts'
import { uploadProgress, type Progress } from '../progress.ts'

export function addFlush(program: Command, context: CliContext): void {
  program
    .command('flush')
    .description('wait until the server has everything that was changed')
    .argument('[mountpoint]', 'only of this mount', parseMountpoint)
    .addHelpText(
      'after',
      `
Files that are open are sent as they are now. Ends with 3 when something cannot be sent, and when a name is held up by
somebody's lock, or by a server that stays away.

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
  const left: { readonly counts: ChangeCounts; readonly mountpoint: string }[] = []
  try {
    for (const mount of wanted) {
      if (!mount) throw notMounted(mountpoint!)
      const counts = await flushed(context, mount.mountpoint, progress)
      if (isSome(counts)) left.push({ counts, mountpoint: mount.mountpoint })
    }
  } finally {
    progress.stop()
  }
  if (left.length === 0) return
  const what = left
    .map(({ counts, mountpoint }) => `${countedChanges(counts)} in ${mountpoint}`)
    .join(' and ')
  const areFiles = left.every(({ counts }) => counts.others === 0)
  throw new CliError(
    `${what} cannot be ${areFiles ? 'uploaded' : 'sent now'}: \`cloudreve-mount pending\` says why`,
    exitCodes.notSaved,
  )
}

/** Sends everything in the mount without its quiet time; answers what is left. */
export async function flushed(
  { mounts }: Pick<CliContext, 'mounts'>,
  mountpoint: string,
  progress: Progress,
): Promise<ChangeCounts> {
  const onProgress = (event: Json) => progress.update(event as unknown as PendingProgress)
  const { leftFiles, leftOthers } = await mounts.call<PendingResult>(mountpoint, 'flush', null, onProgress)
  return { files: leftFiles, others: leftOthers }
}

export function isSome({ files, others }: ChangeCounts): boolean {
  return files + others > 0
}
