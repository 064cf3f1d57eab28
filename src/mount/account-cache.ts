/** The disk cache of one account, for all its drives in this process. */
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { lockFolder } from '../base/folder-lock.ts'
import type { MountOptions } from '../config/options.ts'
import { DiskCache } from '../core/index.ts'
import type { ComposeParts } from './composition.ts'

export interface AccountCacheParts extends ComposeParts {
  /** The account's, for what is disposable. */
  readonly cacheFolder: string
  /** The account's, for what is precious. */
  readonly stateFolder: string
  /** Server and user. */
  readonly owner: readonly string[]
  readonly options: MountOptions
}

/** Of the memory for reading, what may wait for the disk. */
const waitingPart = 4

export interface AccountCache {
  readonly cache: DiskCache
  readonly folder: string
  /** What is precious lies on the same disk. */
  readonly sharesDisk: boolean
  close(): Promise<void>
}

/** Where the account's contents lie below its folder for what is disposable. */
export function contentFolder(cacheFolder: string): string {
  return join(cacheFolder, 'content')
}

/** undefined: none is wanted, or it cannot be had, which is no reason not to mount. */
export async function openAccountCache(parts: AccountCacheParts): Promise<AccountCache | undefined> {
  const { clock, log, owner, options, cacheFolder, stateFolder } = parts
  const { cacheLimitBytes: limitBytes, cacheReserveBytes: reserveBytes, readMemoryBytes } = options
  if (limitBytes === 0) return undefined
  const folder = contentFolder(cacheFolder)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const unlock = await lockFolder(folder)
    try {
      const waitingBytes = Math.floor(readMemoryBytes / waitingPart)
      const cache = await DiskCache.open({
        folder,
        owner,
        clock,
        log,
        limitBytes,
        reserveBytes,
        waitingBytes,
      })
      const [cacheDisk, stateDisk] = await Promise.all([stat(folder), stat(stateFolder)])
      const close = async () => {
        await cache.close()
        await unlock()
      }
      return { cache, folder, sharesDisk: cacheDisk.dev === stateDisk.dev, close }
    } catch (error) {
      await unlock()
      throw error
    }
  } catch (error) {
    log.warn('what is read is not kept on the local disk: the cache cannot be used', { folder, error })
    return undefined
  }
}
