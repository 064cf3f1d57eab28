import type { Command } from 'commander'
import type { PendingProgress, PendingResult } from '../../mount/control-results.ts'
import type { CliContext } from '../context.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { uploadProgress } from '../progress.ts'
import { counted } from '../table.ts'

export interface UmountFlags {
  readonly force?: true
}

export function addUmount(program: Command, context: CliContext): void {
  program
    .command('umount')
    .alias('unmount')
    .description('wait until everything is uploaded, then unmount; cleans up after a mount that died')
    .argument('<mountpoint>', 'a mounted folder')
    .option('--force', 'unmount at once: the process goes on uploading after the folder is gone')
    .action((mountpoint: string, flags: UmountFlags) => umount(context, mountpoint, flags))
}

export async function umount(context: CliContext, mountpoint: string, { force }: UmountFlags): Promise<void> {
  const { io, mounts, starter } = context
  if (await starter.cleanStale(mountpoint)) {
    io.err(`cleaned up ${mountpoint}, whose process had died`)
    return
  }
  const mount = await mounts.find(mountpoint)
  if (mount.state !== 'draining' && !force) await waitForUploads(context, mount.mountpoint)
  await mounts.call(mount.mountpoint, 'unmount', { wait: !force })
}

async function waitForUploads({ io, mounts }: CliContext, mountpoint: string): Promise<void> {
  const progress = uploadProgress(io)
  try {
    const { leftFiles } = await mounts.call<PendingResult>(mountpoint, 'flush', null, (event) =>
      progress.update(event as unknown as PendingProgress),
    )
    if (leftFiles > 0) throw new CliError(leftSentence(mountpoint, leftFiles), exitCodes.notSaved)
  } finally {
    progress.stop()
  }
}

function leftSentence(mountpoint: string, leftFiles: number): string {
  return (
    `${counted(leftFiles, 'file')} in ${mountpoint} cannot be uploaded, so it stays mounted; ` +
    '`cloudreve-mount status` says why, --force unmounts and keeps them on this machine'
  )
}
