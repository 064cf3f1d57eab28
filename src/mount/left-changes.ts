import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { accountFolders, type Paths } from '../config/paths.ts'
import { countLeftChanges } from '../core/index.ts'

/**
 * How many changes of an account the last mount left that the server does not have, in all its drives; also while it is mounted, when
 * they are about to be sent.
 */
export async function leftChanges(
  paths: Pick<Paths, 'stateFolder' | 'cacheFolder'>,
  account: { readonly url: string; readonly userId: string },
): Promise<number> {
  const { stateFolder } = accountFolders(paths, account.url, account.userId)
  const names = await readdir(stateFolder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  // The user's own drive has the account's folder for itself; others have one in it.
  const drives = ['', ...names.filter((name) => name.isDirectory()).map(({ name }) => name)]
  const counts = await Promise.all(drives.map((name) => countLeftChanges(join(stateFolder, name))))
  return counts.reduce((sum, count) => sum + count, 0)
}
