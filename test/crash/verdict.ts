import type { EmbeddedServer } from '../../src/server/index.ts'
import { scratchPrefix, type SeenFile } from './hands.ts'
import type { OtherClient } from './other-client.ts'
import type { Program } from './program.ts'
import { digestOf, type World, type WorldFile } from './world.ts'

export interface Verdict {
  /** Sentences about what is wrong. */
  readonly complaints: readonly string[]
  /** Acknowledged bytes that are not where they belong. */
  readonly lostBytes: number
}

interface Found {
  readonly digest: string
  readonly sizeBytes: number
  /** The view's; undefined where only bytes are known. */
  readonly seen?: SeenFile
}

/** Everything that a run left, once nothing waits any more. */
export interface Remains {
  readonly server: EmbeddedServer
  readonly programs: readonly Program[]
  readonly shared: Program
  readonly other: OtherClient
  /** What the last process shows. */
  readonly shown: readonly SeenFile[]
  /** How often the answer to an upload was lost, or may have been: as often a version may have been sent twice. */
  readonly lostAnswers: number
}

/** What programs see, compared with what they were told. */
export function judgeView(programs: readonly Program[], shown: readonly SeenFile[]): Verdict {
  const files = new Map(shown.map((seen) => [seen.path, { ...seen, seen }]))
  return together(programs.map((program) => judgeProgram(program, files, 'shown')))
}

/** What is at the server, compared with what everybody was told. */
export async function judge(remains: Remains): Promise<Verdict> {
  const { server, programs, shared, other, shown } = remains
  const files = new Map<string, Found>()
  const tree = server.admin.tree().filter(({ path }) => !path.startsWith(`/${scratchPrefix}`))
  for (const { path, type } of tree) {
    if (type !== 'file') continue
    const bytes = await server.admin.read(path)
    files.set(path.slice(1), { digest: digestOf(bytes), sizeBytes: bytes.length })
  }
  const folders = new Set(tree.filter(({ type }) => type === 'folder').map(({ path }) => path.slice(1)))
  const owners = [...programs, shared]
  const strangers = [...files.keys()].filter(
    (path) => !other.files.has(path) && !owners.some((program) => program.owns(path)),
  )
  return together([
    judgeView(programs, shown),
    ...programs.map((program) => judgeProgram(program, files, 'at the server', folders)),
    judgeOther(other, files),
    await judgeShared(remains, files),
    await judgeVersions(remains, [...files.keys()]),
    complaining(strangers.map((path) => `${path} belongs to nobody`)),
  ])
}

/** Every acknowledged byte of new files is at the server or in one of the `lost` files, whatever their names. */
export async function judgeRescue(
  programs: readonly Program[],
  server: EmbeddedServer,
  lost: readonly Buffer[],
): Promise<Verdict> {
  const kept = new Set(lost.map(digestOf))
  for (const { path, type } of server.admin.tree())
    if (type === 'file') kept.add(digestOf(await server.admin.read(path)))
  return together(
    programs.map(({ worlds }) => {
      const missing = worlds.map((world) =>
        [...world.files].filter(([, { bytes }]) => bytes.length > 0 && !kept.has(digestOf(bytes))),
      )
      const fewest = missing.reduce((best, one) => (one.length < best.length ? one : best))
      return {
        complaints: fewest.map(([path]) => `${path} is neither at the server nor in lost+found`),
        lostBytes: fewest.reduce((sum, [, { bytes }]) => sum + bytes.length, 0),
      }
    }),
  )
}

function judgeProgram(
  program: Program,
  files: ReadonlyMap<string, Found>,
  where: string,
  folders?: ReadonlySet<string>,
): Verdict {
  const own = new Map([...files].filter(([path]) => program.owns(path)))
  const ownFolders =
    folders && new Set([...folders].filter((path) => path === program.parts.folder || program.owns(path)))
  const verdicts = program.worlds.map((world) => judgeWorld(world, own, where, ownFolders))
  return verdicts.reduce((best, one) => (one.complaints.length < best.complaints.length ? one : best))
}

function judgeWorld(
  world: World,
  own: ReadonlyMap<string, Found>,
  where: string,
  folders: ReadonlySet<string> | undefined,
): Verdict {
  const complaints: string[] = []
  const copies = new Set<string>()
  let lostBytes = 0
  for (const [path, file] of world.files) {
    const found = own.get(path)
    if (found?.digest === digestOf(file.bytes)) {
      complaints.push(...attributesOf(path, file, found))
      continue
    }
    const copy = [...own].find(
      ([other, { digest }]) => isCopyOf(other, path) && digest === digestOf(file.bytes),
    )
    // Under a name that it should not have, but nothing of it is lost.
    if (copy) {
      copies.add(copy[0])
      complaints.push(`${path} is in ${copy[0]}, and nobody else has changed it`)
      continue
    }
    lostBytes += file.bytes.length
    const is = found ? `${found.sizeBytes} bytes that are other ones` : 'not there'
    complaints.push(`${path}, which has ${file.bytes.length} bytes, is ${is} ${where}`)
  }
  for (const path of own.keys())
    if (!world.files.has(path) && !copies.has(path))
      complaints.push(`${path} is ${where}, and nobody wants it`)
  for (const path of world.folders)
    if (folders && !folders.has(path)) complaints.push(`the folder ${path} is not ${where}`)
  for (const path of folders ?? [])
    if (!world.folders.has(path)) complaints.push(`the folder ${path} is ${where}, and nobody wants it`)
  return { complaints, lostBytes }
}

function attributesOf(
  path: string,
  file: Pick<WorldFile, 'mode' | 'mtimeMs' | 'note' | 'target'>,
  { seen }: Found,
): string[] {
  if (!seen) return []
  if (seen.target !== file.target) return [`${path} leads to ${seen.target} instead of ${file.target}`]
  const complaints: string[] = []
  if (file.target !== undefined) return complaints
  if (seen.mode !== file.mode)
    complaints.push(`${path} has mode ${seen.mode.toString(8)} instead of ${file.mode.toString(8)}`)
  if (seen.note !== file.note) complaints.push(`${path} has the note ${seen.note} instead of ${file.note}`)
  if (file.mtimeMs !== undefined && seen.mtimeMs !== file.mtimeMs)
    complaints.push(`${path} is of ${seen.mtimeMs} instead of ${file.mtimeMs}`)
  return complaints
}

function judgeOther({ files: his }: OtherClient, files: ReadonlyMap<string, Found>): Verdict {
  return complaining(
    [...his].flatMap(([path, bytes]) =>
      files.get(path)?.digest === digestOf(bytes) ? [] : [`${path} of the other client is gone or different`],
    ),
  )
}

/** Where both write, both are kept: at the name, in its history, or in a copy. */
async function judgeShared(
  { server, shared, other }: Remains,
  files: ReadonlyMap<string, Found>,
): Promise<Verdict> {
  const path = shared.parts.only!
  const copies = [...files.keys()].filter((one) => one !== path && shared.owns(one))
  const complaints: string[] = []
  if (copies.length > 0 && other.sharedWrites.length === 0)
    complaints.push(`${path} is in ${copies.join(' and ')}, and nobody else has changed it`)
  const kept = new Set<string>()
  for (const one of [path, ...copies])
    for (const bytes of await server.admin.versionContents(`/${one}`)) kept.add(digestOf(bytes))
  const ours = shared.worlds.map((world) => world.files.get(path)!.bytes)
  // An empty file has no version, and is nobody's loss.
  const isKept = ours.some((bytes) => bytes.length === 0 || kept.has(digestOf(bytes)))
  if (!isKept) complaints.push(`what our program wrote to ${path} is nowhere`)
  if (other.sharedWrites.some((bytes) => !kept.has(digestOf(bytes))))
    complaints.push(`what the other client wrote to ${path} is nowhere`)
  return { complaints, lostBytes: isKept ? 0 : ours[0]!.length }
}

/** One version too many is the price of an answer that was lost. */
async function judgeVersions({ server, lostAnswers }: Remains, paths: readonly string[]): Promise<Verdict> {
  const complaints: string[] = []
  for (const path of paths) {
    const versions = await server.admin.versionContents(`/${path}`)
    const digests = versions.map(digestOf)
    // Who empties a file that is empty has saved it once more. Other contents are never the same.
    const isAgain = (digest: string, index: number) =>
      index > 0 && digest === digests[index - 1] && versions[index]!.length > 0
    const repeated = digests.filter(isAgain).length
    if (repeated > lostAnswers)
      complaints.push(`${path} has ${repeated} versions twice, and ${lostAnswers} answers were lost`)
  }
  return complaining(complaints)
}

function complaining(complaints: readonly string[]): Verdict {
  return { complaints, lostBytes: 0 }
}

function together(verdicts: readonly Verdict[]): Verdict {
  return {
    complaints: verdicts.flatMap(({ complaints }) => complaints),
    lostBytes: Math.max(0, ...verdicts.map(({ lostBytes }) => lostBytes)),
  }
}

/** `a/b-7 (conflict 2026-11-28 19.29 here)` of `a/b-7`. */
function isCopyOf(path: string, original: string): boolean {
  return path.startsWith(`${original} (conflict `)
}
