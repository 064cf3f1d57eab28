import type { Command } from 'commander'
import type { CacheResult, ClearedResult } from '../../mount/control-results.ts'
import type { StoredCache, StoredUsage } from '../../mount/stored-caches.ts'
import type { CliContext } from '../context.ts'
import { CliError } from '../exit-codes.ts'
import { counted, printable, renderTable, sizeInWords } from '../table.ts'

export interface CacheFlags {
  readonly json?: true
}

interface ShownCache extends StoredCache, StoredUsage {
  /** null: not mounted; the limit is the next mount's. */
  readonly limitBytes: number | null
}

export function addCache(program: Command, context: CliContext): void {
  const cache = program
    .command('cache')
    .description(
      'show what is kept on this machine of files that were read or uploaded, and of the folders that are known',
    )
    .option('--json', 'for programs: an array with one object an account')
    .addHelpText(
      'after',
      `
Everything in it is on the server too. How much there may be \`--cache-limit\` and \`--mirror-limit\` of the mount say. What is known of
folders is removed with all of it; then the next mount asks the server again, and needs it. What is pinned stays while it is mounted.

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
  const rows = caches.map(({ account, usedBytes, limitBytes, contents, mirrorBytes }) => [
    account,
    sizeInWords(usedBytes),
    limitBytes === null ? 'not mounted' : sizeInWords(limitBytes),
    String(contents),
    sizeInWords(mirrorBytes),
  ])
  return renderTable(['account', 'size', 'limit', 'files', 'names'], rows, width)
}

async function shownCaches(context: CliContext): Promise<ShownCache[]> {
  const { storedCaches, usageOfCache } = await import('../../mount/stored-caches.ts')
  const serving = await servedCaches(context)
  const caches = await storedCaches(context.paths.cacheFolder)
  return Promise.all(
    caches.map(async (cache) => ({
      ...cache,
      ...(await usageOfCache(cache)),
      limitBytes: serving.get(cache.folder)?.limitBytes ?? null,
    })),
  )
}

interface ServedCache {
  readonly limitBytes: number
  /** Of the account, which may be of different drives. */
  readonly mountpoints: readonly string[]
}

/** By the folder of contents: what the processes that use them say. */
async function servedCaches({ io, mounts }: CliContext): Promise<Map<string, ServedCache>> {
  const found = new Map<string, ServedCache>()
  for (const { mountpoint } of await mounts.list()) {
    const served = await mounts.call<CacheResult>(mountpoint, 'cache').catch((error: Error) => {
      io.err(`${printable(mountpoint)} does not answer: ${error.message}`)
      return undefined
    })
    if (!served) continue
    const { folder, limitBytes } = served
    found.set(folder, { limitBytes, mountpoints: [...(found.get(folder)?.mountpoints ?? []), mountpoint] })
  }
  return found
}

export async function verify({ io, paths }: CliContext): Promise<void> {
  const { storedCaches, verifyCache } = await import('../../mount/stored-caches.ts')
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
  const { emptyCache, storedCaches, usageOfCache } = await import('../../mount/stored-caches.ts')
  const serving = await servedCaches(context)
  for (const cache of await storedCaches(paths.cacheFolder)) {
    const { usedBytes, mirrorBytes } = await usageOfCache(cache)
    const served = serving.get(cache.folder)
    if (!served) await emptyCache(cache)
    let removedBytes = served ? 0 : usedBytes + mirrorBytes
    for (const mountpoint of served?.mountpoints ?? [])
      removedBytes += (await mounts.call<ClearedResult>(mountpoint, 'clearCache')).bytes
    io.err(`${cache.account}: ${sizeInWords(removedBytes)} removed from the cache`)
  }
}
