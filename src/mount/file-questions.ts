/** What a mount answers about one of its files over the control socket: `facts` and `activities`. */
import { Errno } from '../base/errno.ts'
import { FsError } from '../core/errors.ts'
import type { FileSystem } from '../core/ports.ts'
import type { Ino, OpContext } from '../core/types.ts'
import { PathWalk } from '../fuse/libfuse2/path-walk.ts'
import type { ActivitiesParams, ActivitiesResult, Fact } from './control-results.ts'
import { MountError, type ControlMethods, type Json } from './spec.ts'

export interface FileQuestionParts {
  readonly fileSystem: FileSystem
  /** Absolute, as the kernel names it. */
  readonly mountpoint: string
  /** Tells the server of renames of the object that wait. @throws {FsError} ENOENT: no such object. */
  settle(names: readonly string[], signal: AbortSignal): Promise<void>
  /** History of the object that the names lead to, from the root of the mount; names as programs see them. */
  activities(
    names: readonly string[],
    query: Pick<ActivitiesParams, 'filter' | 'limit'>,
    signal: AbortSignal,
  ): Promise<ActivitiesResult>
}

/** In the order of the answer; the histories have a command of their own. Others that a file has come after them. */
const facts = [
  'uri',
  'id',
  'owner',
  'entity',
  'created',
  'shared',
  'capability',
  'policy',
  'versions',
  'shares',
  'directlinks',
  'sync',
  'cached',
].map((name) => `user.cloudreve.${name}`)
const HISTORY = /^user\.cloudreve\.activities(\.|$)/
const MISSING: ReadonlySet<number> = new Set([Errno.ENODATA, Errno.EOPNOTSUPP])

export function fileQuestions(parts: FileQuestionParts): ControlMethods {
  const { fileSystem, mountpoint } = parts
  const walk = new PathWalk(fileSystem)
  return {
    async facts({ params, signal }) {
      const context = askerContext(signal)
      const path = pathIn(mountpoint, params)
      const found = await parts
        .settle(namesOf(path), signal)
        .then(() => walk.node(path, context, ({ ino }) => factsOf(fileSystem, ino, context)))
        .catch((error: unknown) => {
          throw missingFile(error, params)
        })
      return found.map(({ name, value }) => ({ name, value }))
    },
    async activities({ params, signal }) {
      const names = namesOf(pathIn(mountpoint, params))
      const { derived, entries } = await parts
        .activities(names, queryIn(params), signal)
        .catch((error: unknown) => {
          throw missingFile(error, params)
        })
      return { derived, entries: entries.map((entry) => ({ ...entry })) }
    },
  }
}

async function factsOf(fileSystem: FileSystem, ino: Ino, context: OpContext): Promise<Fact[]> {
  const listed = await fileSystem.listxattr(ino, context)
  const names = [...new Set([...facts, ...listed])].filter((name) => !HISTORY.test(name))
  const found = await Promise.all(names.map((name) => factOf(fileSystem, ino, { name, context })))
  return found.flatMap((fact) => fact ?? [])
}

async function factOf(
  fileSystem: FileSystem,
  ino: Ino,
  { name, context }: { name: string; context: OpContext },
): Promise<Fact | undefined> {
  try {
    return { name, value: asText(await fileSystem.getxattr(ino, name, context)) }
  } catch (error) {
    if (error instanceof FsError && MISSING.has(error.errno)) return undefined
    throw error
  }
}

/** Text where it is some, else as getfattr(1) shows it: `0x…`. */
function asText(value: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(value)
  } catch (error) {
    if (error instanceof TypeError) return `0x${Buffer.from(value).toString('hex')}`
    throw error
  }
}

function namesOf(path: string): string[] {
  return path.split('/').filter(Boolean)
}

/** `/a/b` for a path in the mount, `/` for its root. */
export function pathIn(mountpoint: string, params: Json): string {
  const path = memberOf(params, 'path')
  if (path === mountpoint) return '/'
  if (typeof path === 'string' && path.startsWith(`${mountpoint}/`)) return path.slice(mountpoint.length)
  throw new MountError(`the question is about no path in ${mountpoint}`)
}

function queryIn(params: Json): Pick<ActivitiesParams, 'filter' | 'limit'> {
  const filter = memberOf(params, 'filter') ?? 'all'
  const limit = memberOf(params, 'limit') ?? null
  if (filter !== 'all' && filter !== 'my' && filter !== 'updates' && filter !== 'reads') {
    throw new MountError(`there is no filter ${JSON.stringify(filter)} of activities`)
  }
  if (limit !== null && !(typeof limit === 'number' && Number.isInteger(limit) && limit > 0)) {
    throw new MountError(`${JSON.stringify(limit)} is no number of activities`)
  }
  return { filter, limit }
}

export function missingFile(error: unknown, params: Json): unknown {
  if (!(error instanceof FsError && error.errno === Errno.ENOENT)) return error
  return new MountError(`there is no such file or folder: ${JSON.stringify(memberOf(params, 'path'))}`, {
    cause: error,
  })
}

export function memberOf(params: Json, name: string): Json | undefined {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return undefined
  return (params as { readonly [name: string]: Json })[name]
}

/** The asker is the user of this process: nobody else can open the socket. */
export function askerContext(signal: AbortSignal): OpContext {
  return { signal, pid: 0, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
}
