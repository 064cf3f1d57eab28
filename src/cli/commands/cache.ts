import type { Command } from 'commander'
import type { CacheResult, ClearedResult } from '../../mount/control-results.ts'
import {
  emptyCache,
  storedCaches,
  usageOfCache,
  verifyCache,
  type StoredCache,
} from '../../mount/stored-caches.ts'
import type { CliContext } from '../context.ts'
import { CliError } from '../exit-codes.ts'
import { counted, printable, renderTable, sizeInWords } from '../table.ts'

export interface CacheFlags {
  readonly json?: true
}

interface ShownCache extends StoredCache {
  readonly usedBytes: number
  readonly contents: number
  /** null: not mounted; the limit is the next mount's. */
  readonly limitBytes: number | null
}

export function addCache(program: Command, context: CliContext): void {
  const cache = program
    .command('cache')
    .description('show what is kept on this machine of files that were read or uploaded')
    .option('--json', 'for programs: an array with one object an account')
    .addHelpText(
      'after',
      `
Everything in it is on the server too. How much there may be \`--cache-limit\` of the mount says.

Examples:
  cloudreve-mount cache
  cloudreve-mount cache verify
  cloudreve-mount cache clear ~/cloud/films`,
    )
    .action((flags: CacheFlags) => show(context, flags))
  cache
    .command('verify')
    .description('read all of it and remove what is damaged')
    .action(() => verify(context))
  cache
    .command('clear')
    .description('remove it, or what there is of one file or folder')
    .argument('[path]', 'a path in a mounted folder; everything of every account if left out')
    .action((path: string | undefined) => clear(context, path))
}

export async function show(context: CliContext, { json }: CacheFlags): Promise<void> {
  const { io } = context
  const caches = await shownCaches(context)
  if (json) io.out(JSON.stringify(caches))
  else for (const line of cacheLines(caches, io.columns)) io.out(line)
}

function cacheLines(caches: readonly ShownCache[], width: number): string[] {
  if (caches.length === 0) return ['nothing is kept on this machine']
  const rows = caches.map(({ account, usedBytes, limitBytes, contents }) => [
    account,
    sizeInWords(usedBytes),
    limitBytes === null ? 'not mounted' : sizeInWords(limitBytes),
    String(contents),
  ])
  return renderTable(['account', 'size', 'limit', 'files'], rows, width)
}

async function shownCaches(context: CliContext): Promise<ShownCache[]> {
  const serving = await servedCaches(context)
  const caches = await storedCaches(context.paths.cacheFolder)
  return Promise.all(
    caches.map(async (cache) => ({
      ...cache,
      ...(await usageOfCache(cache.folder)),
      limitBytes: serving.get(cache.folder)?.limitBytes ?? null,
    })),
  )
}

/** By their folder: what the processes that use them say. */
async function servedCaches({
  io,
  mounts,
}: CliContext): Promise<Map<string, { readonly limitBytes: number; readonly mountpoint: string }>> {
  const found = new Map<string, { readonly limitBytes: number; readonly mountpoint: string }>()
  for (const { mountpoint } of await mounts.list()) {
    const served = await mounts.call<CacheResult | null>(mountpoint, 'cache').catch((error: Error) => {
      io.err(`${printable(mountpoint)} does not answer: ${error.message}`)
      return null
    })
    if (served) found.set(served.folder, { mountpoint, limitBytes: served.limitBytes })
  }
  return found
}

export async function verify({ io, paths }: CliContext): Promise<void> {
  let isSound = true
  for (const { account, folder } of await storedCaches(paths.cacheFolder)) {
    const { files, bytes, damaged } = await verifyCache(folder, io.now())
    isSound &&= damaged.length === 0
    const sound = `${account}: ${sizeInWords(bytes)} in ${counted(files, 'file')} read`
    io.out(
      damaged.length === 0
        ? `${sound}, all sound`
        : `${sound}, ${counted(damaged.length, 'file')} damaged and removed`,
    )
  }
  if (!isSound)
    throw new CliError('the cache was damaged; nothing is lost, but the disk of this machine may be failing')
}

export async function clear(context: CliContext, path: string | undefined): Promise<void> {
  const { io, mounts, paths } = context
  if (path !== undefined) {
    const { bytes } = await mounts.callAt<ClearedResult>(path, 'clearCache')
    io.err(`${sizeInWords(bytes)} of ${printable(path)} removed from the cache`)
    return
  }
  const serving = await servedCaches(context)
  for (const { folder, account } of await storedCaches(paths.cacheFolder)) {
    const { usedBytes } = await usageOfCache(folder)
    const served = serving.get(folder)
    if (served) await mounts.call<ClearedResult>(served.mountpoint, 'clearCache')
    else await emptyCache(folder)
    io.err(`${account}: ${sizeInWords(usedBytes)} removed from the cache`)
  }
}
