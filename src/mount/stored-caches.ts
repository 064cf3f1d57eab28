/** The disk caches of this user's accounts, whether or not they are mounted. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { emptyFolder, findUsage, verifyFolder } from '../core/index.ts'
import { contentFolder } from './account-cache.ts'

export interface StoredCache {
  readonly folder: string
  /** As folders are named: `cloud.example.com/<user id>`. */
  readonly account: string
}

/** In the order of their names. `cacheFolder`: of all accounts. */
export async function storedCaches(cacheFolder: string): Promise<StoredCache[]> {
  const found: StoredCache[] = []
  for (const server of await foldersIn(cacheFolder)) {
    for (const user of await foldersIn(join(cacheFolder, server))) {
      const account = join(server, user)
      const names = await foldersIn(join(cacheFolder, account))
      if (names.includes('content'))
        found.push({ folder: contentFolder(join(cacheFolder, account)), account })
    }
  }
  return found
}

export { emptyFolder as emptyCache, findUsage as usageOfCache, verifyFolder as verifyCache }

async function foldersIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return found
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}
