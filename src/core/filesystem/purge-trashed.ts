/**
 * What was deleted for good is gone only after it was looked at in the trash, where nobody can change it any more: nothing that somebody
 * has saved after we looked last is purged. Whatever goes wrong on the way leaves it in the trash.
 */
import { isRemoteError } from '../../remote/errors.ts'
import type { TrashedEntry } from '../../remote/trash.ts'
import type { EntityId, FileId, RemotePath } from '../../remote/types.ts'
import { isBelow } from '../tree/index.ts'
import type { Core } from './core.ts'
import { commonPath, keyOf } from './remote-paths.ts'

/** Something that was put into the trash, as it was when we looked last. */
export interface Meant {
  readonly path: RemotePath
  readonly id: FileId
  readonly entity: EntityId | undefined
  /** Of a folder: those in it, at any depth. Its files were deleted on their own. undefined: a file. */
  readonly folders: number | undefined
}

/** What was found instead of something, with the id that it has. */
export interface PutBack {
  readonly meant: Meant
  readonly id: FileId
}

interface Found {
  readonly meant: Meant
  readonly trashed: TrashedEntry
}

/** By so much the time of the server, as we know it, can be wrong (`ServerClock`), ms. */
const clockErrorMs = 3_000

/**
 * In three requests, and one for each folder: contents of files are known by their entity; a folder in the trash can only be counted,
 * so that no file may be in it. What is not what was meant is put back, which is where somebody has just saved it and looks for it; in
 * the trash it would be taken for deleted, and go with that.
 * @param sentAtMs before the folders were deleted, by the server's clock: the count of a folder has to be younger
 * @returns what was put back. Never throws.
 */
export async function purgeTrashed(
  core: Core,
  meant: readonly Meant[],
  sentAtMs: number,
): Promise<readonly PutBack[]> {
  if (meant.length === 0) return []
  const putBack: PutBack[] = []
  try {
    const { same, others } = await compare(core, await findTrashed(core, meant), sentAtMs)
    if (others.length > 0) putBack.push(...(await putBackAll(core, others)))
    if (same.length > 0) {
      await inTrash(core, same, (entries) => core.remote.purge(entries))
      core.writeBack.quota.capacity.outdate() // that has made room
    }
  } catch (error) {
    core.log.warn('deleted files could not be purged and stay in the trash of the drive: purge them there', {
      file: keyOf(meant[0]!.path),
      files: meant.length,
      reason: String(error),
    })
  }
  return putBack
}

/** What was deleted last at each path: that is what we have deleted. */
async function findTrashed(core: Core, meant: readonly Meant[]): Promise<Found[]> {
  const { remote, patience } = core
  const wanted = new Map(meant.map((each) => [keyOf(each.path), each]))
  const newest = new Map<Meant, TrashedEntry[]>()
  const top = commonPath(meant.map(({ path }) => path))
  await patience.run('the trash', async (progress) => {
    newest.clear()
    for await (const entries of remote.listTrash(top)) {
      for (const trashed of entries) {
        const at = trashed.from && wanted.get(keyOf(trashed.from))
        if (at) newest.set(at, newestOf(newest.get(at) ?? [], trashed))
      }
      progress()
    }
  })
  return meant.flatMap((each) => {
    const [trashed, another] = newest.get(each) ?? []
    if (trashed && !another) return [{ meant: each, trashed }]
    stays(core, each, another ? 'two of that name were deleted within a second' : 'it was not found there')
    return []
  })
}

function newestOf(known: readonly TrashedEntry[], trashed: TrashedEntry): TrashedEntry[] {
  const [first] = known
  if (!first || trashed.keptUntilMs > first.keptUntilMs) return [trashed]
  return trashed.keptUntilMs < first.keptUntilMs ? [...known] : [...known, trashed]
}

async function compare(
  core: Core,
  found: readonly Found[],
  sentAtMs: number,
): Promise<{ same: Found[]; others: Found[] }> {
  const same: Found[] = []
  const others: Found[] = []
  for (const each of found) {
    const isSame = await isAsMeant(core, each, sentAtMs)
    if (isSame !== undefined) (isSame ? same : others).push(each)
  }
  // A file can go back only into its folder.
  const isNeeded = ({ meant }: Found) =>
    meant.folders !== undefined && others.some((other) => isBelow(other.meant.path, meant.path))
  return {
    same: same.filter((each) => !isNeeded(each)),
    others: [...same.filter(isNeeded), ...others].sort((a, b) => a.meant.path.length - b.meant.path.length),
  }
}

/** undefined: that cannot be told, and it stays where it is. */
async function isAsMeant(
  core: Core,
  { meant, trashed }: Found,
  sentAtMs: number,
): Promise<boolean | undefined> {
  const { entry } = trashed
  if (entry.id !== meant.id) return false
  if (meant.folders === undefined) return entry.entity === meant.entity
  try {
    const label = `/${keyOf(meant.path)}`
    const count = await core.patience.run(label, () => core.remote.countTrashed(trashed))
    const isYoung = count.countedAtMs >= sentAtMs - clockErrorMs
    if (isYoung && count.isWhole) return count.files === 0 && count.folders <= meant.folders
    stays(core, meant, 'the server does not tell what is in it by now')
  } catch (error) {
    if (!isRemoteError(error) || error.isTransient) throw error
    stays(core, meant, error.message)
  }
  return undefined
}

async function putBackAll(core: Core, found: readonly Found[]): Promise<PutBack[]> {
  let left: readonly TrashedEntry[] = found.map(({ trashed }) => trashed)
  try {
    left = await inTrash(core, found, (entries) => core.remote.putBack(entries))
  } catch (error) {
    core.log.warn('what was changed by somebody else could not be put back', { reason: String(error) })
  }
  const isBack = ({ trashed }: Found) => !left.includes(trashed)
  for (const each of found)
    core.log.warn(
      isBack(each)
        ? 'changed by somebody else while it was deleted here, so it was put back'
        : 'changed by somebody else while it was deleted here, and cannot be put back: restore it from the trash',
      { file: keyOf(each.meant.path) },
    )
  return found.filter(isBack).map(({ meant, trashed }) => ({ meant, id: trashed.entry.id }))
}

function inTrash<T>(
  { patience }: Core,
  found: readonly Found[],
  call: (entries: readonly TrashedEntry[]) => Promise<T>,
): Promise<T> {
  return patience.run(`/${keyOf(found[0]!.meant.path)}`, () => call(found.map(({ trashed }) => trashed)))
}

function stays({ log }: Core, { path }: Meant, reason: string): void {
  log.warn('deleted for good, but it stays in the trash of the drive: look at it there, and purge it', {
    file: keyOf(path),
    reason,
  })
}
