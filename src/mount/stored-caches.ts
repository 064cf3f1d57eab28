/** What is kept on the disk of this user's accounts, whether or not they are mounted. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { emptyFolder, findMirrorBytes, findUsage, removeMirrors, verifyFolder } from '../core/index.ts'
import { contentFolder } from './account-cache.ts'
import { mirrorsFolder } from './drive-mirror.ts'

export interface StoredCache {
  /** Of contents. */
  readonly folder: string
  /** Of what is known of names and attributes. */
  readonly mirrors: string
  /** As folders are named: `cloud.example.com/<user id>`. */
  readonly account: string
}

/** In the order of their names. `cacheFolder`: of all accounts. */
export async function storedCaches(cacheFolder: string): Promise<StoredCache[]> {
  const found: StoredCache[] = []
  for (const server of await foldersIn(cacheFolder)) {
    for (const user of await foldersIn(join(cacheFolder, server))) {
      const account = join(server, user)
      const ofAccount = join(cacheFolder, account)
      const names = await foldersIn(ofAccount)
      const [folder, mirrors] = [contentFolder(ofAccount), mirrorsFolder(ofAccount)]
      if (names.includes('content') || names.includes('mirror')) found.push({ folder, mirrors, account })
    }
  }
  return found
}

export interface StoredUsage {
  readonly usedBytes: number
  readonly contents: number
  readonly mirrorBytes: number
}

export async function usageOfCache({ folder, mirrors }: StoredCache): Promise<StoredUsage> {
  return { ...(await findUsage(folder)), mirrorBytes: await findMirrorBytes(mirrors) }
}

/** @requires that no process uses it */
export async function emptyCache({ folder, mirrors }: StoredCache): Promise<void> {
  await emptyFolder(folder)
  await removeMirrors(mirrors)
}

export { verifyFolder as verifyCache }

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
