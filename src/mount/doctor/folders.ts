/** The folders of this user: whether they can be written, how much room there is, and what lies in them. */
import { constants } from 'node:fs'
import { access, readdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { nodeFileLayer } from '../../base/file-layer.ts'
import { silentLog } from '../../base/log.ts'
import type { Paths } from '../../config/paths.ts'
import { LostAndFound } from '../../core/write/lost-and-found.ts'
import { fail, looked, ok, warn, type Finding } from './finding.ts'

export interface FolderLook {
  /** The folder itself, or, where it does not exist yet, the nearest one above it that does. */
  readonly existing: string
  readonly isThere: boolean
  readonly isWritable: boolean
  readonly freeBytes: number
  /** Of `existing`. */
  readonly mode: number
  readonly uid: number
}

export interface FolderProbes {
  readonly look: (folder: string) => Promise<FolderLook>
  readonly uid: () => number
  /** Absolute paths of files that were not uploaded when a process was killed. */
  readonly savedFiles: (stateFolder: string) => Promise<readonly string[]>
}

const MIB = 1024 ** 2
const GIB = 1024 ** 3
/** Under this much room saving is refused sooner or later; one large file needs as much as it has. */
const LITTLE_ROOM_BYTES = GIB
const NO_ROOM_BYTES = 64 * MIB

export async function* examineFolders(
  probes: FolderProbes,
  paths: Pick<Paths, 'stateFolder' | 'cacheFolder' | 'runtimeFolder'>,
): AsyncGenerator<Finding> {
  const { stateFolder, cacheFolder, runtimeFolder } = paths
  yield looked('state folder', async () => room('state folder', stateFolder, await probes.look(stateFolder)))
  yield looked('cache folder', async () => room('cache folder', cacheFolder, await probes.look(cacheFolder)))
  yield looked('runtime folder', async () => runtime(probes, runtimeFolder))
  yield looked('saved files', async () => savedFiles(await probes.savedFiles(stateFolder), stateFolder))
}

function room(check: string, folder: string, look: FolderLook): Finding {
  if (!look.isWritable) return notWritable(check, folder, look)
  const gib = (look.freeBytes / GIB).toFixed(1)
  const text = `${folder}: ${gib} GiB free`
  const remedy = 'make room on that disk: what is saved is kept there until the server has it'
  if (look.freeBytes < NO_ROOM_BYTES)
    return fail(check, `${folder}: no room, ${Math.floor(look.freeBytes / MIB)} MiB free`, { remedy })
  if (look.freeBytes < LITTLE_ROOM_BYTES) return warn(check, `${text} is little`, remedy)
  return ok(check, text)
}

function notWritable(check: string, folder: string, { existing, isThere }: FolderLook): Finding {
  const text = isThere
    ? `${folder} may not be written by this user`
    : `${folder} does not exist and cannot be made, because ${existing} may not be written by this user`
  return fail(check, text, { remedy: `give it to this user: sudo chown "$USER" ${existing}` })
}

/** Sockets of mounts: a folder that others may open would let them ask. */
async function runtime({ look, uid }: FolderProbes, folder: string): Promise<Finding> {
  const check = 'runtime folder'
  const found = await look(folder)
  if (!found.isWritable) return notWritable(check, folder, found)
  if (found.isThere && (found.uid !== uid() || (found.mode & 0o077) !== 0)) {
    return fail(check, `${folder} can be opened by others, or belongs to somebody else`, {
      remedy: `remove it while nothing is mounted (rm -r ${folder}): it is made anew`,
    })
  }
  return ok(check, folder)
}

function savedFiles(files: readonly string[], stateFolder: string): Finding {
  const check = 'saved files'
  const [first] = files
  if (first === undefined) return ok(check, 'nothing is left over from processes that were killed')
  const what = files.length === 1 ? 'a file lies' : `${files.length} files lie`
  return warn(
    check,
    `${what} in ${files.length === 1 ? dirname(first) : commonFolder(files, stateFolder)} that the server did not have when a process was killed`,
    'compare what you need with the drive and copy it into the mount, then remove it there (and the .about.json beside it)',
  )
}

function commonFolder(files: readonly string[], stateFolder: string): string {
  const folders = [...new Set(files.map(dirname))]
  return folders.length === 1 ? folders[0]! : `folders named lost+found in ${stateFolder}`
}

export const folderProbes: FolderProbes = {
  look: lookAt,
  uid: () => process.getuid?.() ?? 0,
  savedFiles: savedFilesIn,
}

async function lookAt(folder: string): Promise<FolderLook> {
  let existing = folder
  let found = await statIfThere(existing)
  while (!found && dirname(existing) !== existing) {
    existing = dirname(existing)
    found = await statIfThere(existing)
  }
  const { bavail, bsize } = await statfs(existing)
  const isWritable = found?.isDirectory() === true && (await mayWrite(existing))
  const { mode = 0, uid = 0 } = found ?? {}
  return { existing, isThere: existing === folder, isWritable, freeBytes: bavail * bsize, mode, uid }
}

async function statIfThere(path: string) {
  try {
    return await stat(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

function mayWrite(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** Of every account that was ever mounted: `<server>/<user>/lost+found` (config/paths.ts). */
async function savedFilesIn(stateFolder: string): Promise<readonly string[]> {
  const saved: string[] = []
  for (const server of await foldersIn(stateFolder)) {
    for (const user of await foldersIn(server)) {
      const found = await new LostAndFound(join(user, 'lost+found'), nodeFileLayer, silentLog).list()
      saved.push(...found.map(({ storedAt }) => storedAt))
    }
  }
  return saved
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
