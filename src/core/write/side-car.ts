import type { RemotePath } from '../../remote/types.ts'
import { Extents, fromPairs, type ExtentsRecord, type RangePairs } from './extents.ts'
import type { BaseEntity, UploadSession } from './types.ts'

/** Version of the side-car's format. A newer one is left alone, never guessed; what an older one lacks can be absent. */
export const sideCarVersion = 2

/** Everything that is needed to find out, without the process that wrote it, what a staged file is. */
export interface SideCarHead {
  readonly version: number
  /** Shown path, as the person knows the file. */
  readonly label: string
  /** URI at the server; undefined: the file was unlinked. */
  readonly uri: string | undefined
  readonly path: RemotePath | undefined
  /** Entity whose bytes show where nothing was written. */
  readonly base: BaseEntity
  readonly baseSizeBytes: number
  /** Entity that the upload is to replace. */
  readonly replaces: BaseEntity
  readonly createdAtMs: number
  readonly modifiedAtMs: number
  readonly extents: ExtentsRecord
  /** Parts of `fetched` that may not be on the disk yet. */
  readonly unsynced?: RangePairs
  /** Start of the machine in which this was written. */
  readonly bootId?: string
  /** The data file may hold old bytes where the content has holes. */
  readonly hasStaleBytes: boolean
  /** Upload session that was open at the server. */
  readonly session?: UploadSession | undefined
}

/**
 * One change after the head: `w` written, `f` fetched from the base, `d` what was fetched is on the disk, `t` truncated to (with `kept` when the cut bytes still
 * lie in the data file), `s` upload session begun (null: ended).
 */
export type SideCarChange =
  | { readonly w: readonly [number, number] }
  | { readonly f: readonly [number, number] }
  | { readonly d: true }
  | { readonly t: number; readonly kept?: true }
  | { readonly s: UploadSession | null }

/** A side-car read back. */
export interface SideCar extends Omit<SideCarHead, 'extents' | 'unsynced' | 'bootId'> {
  readonly extents: Extents
}

/** A side-car is one line of head, then a line a change: cheap to append to, and a torn last line costs only itself. */
export function formatHead(head: SideCarHead): string {
  return JSON.stringify(head)
}

/** Begins with the line break, so that a record torn by a full disk never swallows the next one. */
export function formatChange(change: SideCarChange): string {
  return `\n${JSON.stringify(change)}`
}

/** A block that power loss kept from the disk reads as zeros, in which the line break of the change after the head may lie. */
const lineEnd = /[\n\0]/

/**
 * `bootId` is that of this start of the machine. After power loss, bytes of the base that were fetched and not synced may be
 * missing, so they are taken for not fetched.
 * @throws {Error} when the head is not there or is of a newer version
 */
export function parseSideCar(text: string, bootId: string): SideCar {
  const [first = '', ...lines] = text.split(lineEnd)
  const head = JSON.parse(first) as SideCarHead
  if (!(head.version <= sideCarVersion)) {
    throw new Error(`side-car format ${String(head.version)} is unknown to this version of the program`)
  }
  const extents = Extents.fromRecord(head.extents)
  const unsynced = fromPairs(head.unsynced ?? [])
  let { hasStaleBytes, session } = head
  for (const line of lines) {
    const change = parseChange(line)
    if (!change) continue
    if ('s' in change) session = change.s ?? undefined
    else if ('d' in change) unsynced.truncate(0)
    else applyChange(extents, change)
    if ('f' in change) unsynced.add({ start: change.f[0], end: change.f[1] })
    hasStaleBytes ||= 't' in change && change.kept === true
  }
  if (head.bootId !== undefined && head.bootId !== bootId) extents.unfetch(unsynced)
  const { unsynced: _unsynced, bootId: _bootId, ...known } = head
  return { ...known, extents, hasStaleBytes, session }
}

function parseChange(line: string): SideCarChange | undefined {
  try {
    return JSON.parse(line) as SideCarChange
  } catch {
    return undefined // torn by a full disk or a crash: its write was never acknowledged
  }
}

function applyChange(
  extents: Extents,
  change: Exclude<SideCarChange, { s: unknown } | { d: unknown }>,
): void {
  if ('w' in change) extents.write({ start: change.w[0], end: change.w[1] })
  else if ('f' in change) extents.fetch({ start: change.f[0], end: change.f[1] })
  else extents.truncate(change.t)
}
