import type { Command } from 'commander'
import type { PendingProgress, UnmountResult } from '../../mount/control-results.ts'
import type { Json } from '../../mount/spec.ts'
import { parseMountpoint } from '../arguments.ts'
import type { CliContext } from '../context.ts'
import { countedChanges } from '../changes-in-words.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { notMounted } from '../mounts.ts'
import { uploadProgress, type Progress } from '../progress.ts'
import { counted } from '../table.ts'
import { flushed, isSome } from './flush.ts'

export interface UmountFlags {
  readonly force?: true
  readonly detach?: true
}

export function addUmount(program: Command, context: CliContext): void {
  program
    .command('umount')
    .alias('unmount')
    .description('wait until the server has everything, then unmount; cleans up after a mount that died')
    .argument('<mountpoint>', 'a mounted folder', parseMountpoint)
    .option('--force', 'unmount at once: the process goes on uploading after the folder is gone')
    .option('--detach', 'unmount at once: what is not uploaded yet stays on this machine for the next mount')
    .addHelpText(
      'after',
      `
Examples:
  cloudreve-mount umount ~/cloud
  cloudreve-mount umount --force ~/cloud
  cloudreve-mount umount --detach ~/cloud     before a train ride, say`,
    )
    .action((mountpoint: string, flags: UmountFlags) => umount(context, mountpoint, flags))
}

export async function umount(
  context: CliContext,
  mountpoint: string,
  { force, detach }: UmountFlags,
): Promise<void> {
  const { io, mounts, starter } = context
  if (force && detach) throw new CliError('say either --force or --detach', exitCodes.usage)
  const mount = await mounts.at(mountpoint)
  if (!mount) {
    if (!(await starter.cleanStale(mountpoint))) throw notMounted(mountpoint)
    io.err(`cleaned up ${mountpoint}, whose process had died`)
    return
  }
  if (force) {
    await mounts.call(mount.mountpoint, 'unmount', { wait: false })
    return
  }
  if (detach) {
    await leaveToNextMount(context, mount.mountpoint)
    return
  }
  const progress = uploadProgress(io)
  try {
    if (mount.state === 'mounted') await waitForUploads(context, mount.mountpoint, progress)
    await unmountAndWait(context, mount.mountpoint, progress)
  } finally {
    progress.stop()
  }
}

async function waitForUploads(context: CliContext, mountpoint: string, progress: Progress): Promise<void> {
  const left = await flushed(context, mountpoint, progress)
  if (!isSome(left)) return
  throw new CliError(
    `${countedChanges(left)} in ${mountpoint} cannot be ${left.others === 0 ? 'uploaded' : 'sent now'}, so it stays mounted; ` +
      '`cloudreve-mount pending` says why, --detach unmounts and keeps what is missing on this machine',
    exitCodes.notSaved,
  )
}

/** What is not sent is no failure: it was asked for. */
async function leaveToNextMount({ io, mounts }: CliContext, mountpoint: string): Promise<void> {
  const result = await mounts.call<UnmountResult>(mountpoint, 'unmount', { detach: true })
  if (result.state !== 'ended' || result.left === 0) return
  io.err(
    `${mountpoint} is unmounted; ${counted(result.left, 'change')} that the server does not have yet ` +
      `${result.left === 1 ? 'is' : 'are'} kept on this machine, and sent by the next mount of the account`,
  )
}

/** Ends with the process, or, when a program keeps something of the mount open, when the folder is gone. */
async function unmountAndWait(
  { io, mounts }: CliContext,
  mountpoint: string,
  progress: Progress,
): Promise<void> {
  const onProgress = (event: Json) => {
    if (isPending(event)) progress.update(event)
  }
  const result = await mounts.call<UnmountResult>(mountpoint, 'unmount', { wait: true }, onProgress)
  if (result.state === 'open') {
    io.err(
      `${mountpoint} is unmounted; a program still has a file of it open and can go on until it closes that: what it writes is uploaded`,
    )
  } else if (result.state === 'ended' && result.left > 0) {
    throw new CliError(
      `${mountpoint} is unmounted, but not everything is on the server: ${result.reason}`,
      exitCodes.notSaved,
    )
  }
}

function isPending(event: Json): event is PendingProgress & { readonly [name: string]: Json } {
  return typeof event === 'object' && event !== null && 'leftBytes' in event
}
