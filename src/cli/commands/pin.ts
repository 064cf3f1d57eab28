import type { Command } from 'commander'
import type { PinnedItem, PinsResult, UnpinnedResult } from '../../mount/control-results.ts'
import type { CliContext } from '../context.ts'
import { bringHere, type WarmFlags } from './warm.ts'
import { counted, printable, renderTable, sizeInWords } from '../table.ts'

export function addPin(program: Command, context: CliContext): void {
  program
    .command('pin')
    .description('keep a file, or all files in a folder, on this machine; without a path: what is kept')
    .argument('[path]', 'a path in a mounted folder')
    .option('--json', 'for programs: one object, or an array of what is kept')
    .addHelpText(
      'after',
      `
They can be read while the server is away. What is changed in them, here or elsewhere, is fetched by itself while the folder is
mounted, and other files do not take their room: nine tenths of \`--cache-limit\` may be pinned. Ctrl-C leaves the rest of the
fetching to the mount.

Examples:
  cloudreve-mount pin ~/cloud/Projects
  cloudreve-mount pin
  cloudreve-mount unpin ~/cloud/Projects`,
    )
    .action((path: string | undefined, flags: WarmFlags) =>
      path === undefined ? listPins(context, flags) : bringHere(context, path, { ...flags, method: 'pin' }),
    )
}

export function addUnpin(program: Command, context: CliContext): void {
  program
    .command('unpin')
    .description('let a pinned file or folder go again when room is needed')
    .argument('<path>', 'a path in a mounted folder')
    .addHelpText('after', '\nExample:\n  cloudreve-mount unpin ~/cloud/Projects')
    .action((path: string) => unpin(context, path))
}

async function unpin({ io, mounts }: CliContext, path: string): Promise<void> {
  await mounts.callAt<UnpinnedResult>(path, 'unpin')
  io.err(`${printable(path)} stays here only as long as its room is not needed`)
}

async function listPins({ io, mounts }: CliContext, { json }: WarmFlags): Promise<void> {
  const pins: PinnedItem[] = []
  for (const { mountpoint } of await mounts.list()) {
    const found = await mounts.call<PinsResult>(mountpoint, 'pins').catch((error: Error) => {
      io.err(`${printable(mountpoint)} does not answer: ${error.message}`)
      return []
    })
    pins.push(...found)
  }
  if (json) io.out(JSON.stringify(pins))
  else for (const line of pinLines(pins, io.columns)) io.out(line)
}

function pinLines(pins: readonly PinnedItem[], width: number): string[] {
  if (pins.length === 0) return ['nothing is pinned']
  const rows = pins.map(({ path, files, bytes, trouble }) => [
    printable(path),
    counted(files, 'file'),
    sizeInWords(bytes),
    trouble === null ? 'all here' : printable(trouble),
  ])
  return renderTable(['path', 'files', 'size', 'state'], rows, width)
}
