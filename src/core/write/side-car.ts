import type { RemotePath } from '../../remote/types.ts'
import { Extents, type ExtentsRecord } from './extents.ts'
import type { BaseEntity, UploadSession } from './types.ts'

/** Version of the side-car's format. A newer one is left alone, never guessed. */
export const sideCarVersion = 1

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
  /** Entity that the upload is to replace. */
  readonly replaces: BaseEntity
  readonly createdAtMs: number
  readonly modifiedAtMs: number
  readonly extents: ExtentsRecord
  /** The data file may hold old bytes where the content has holes. */
  readonly hasStaleBytes: boolean
  /** Upload session that was open at the server. */
  readonly session?: UploadSession | undefined
}

/**
 * One change after the head: `w` written, `f` fetched from the base, `t` truncated to (with `kept` when the cut bytes still
 * lie in the data file), `s` upload session begun (null: ended).
 */
export type SideCarChange =
  | { readonly w: readonly [number, number] }
  | { readonly f: readonly [number, number] }
  | { readonly t: number; readonly kept?: true }
  | { readonly s: UploadSession | null }

/** A side-car read back. */
export interface SideCar extends Omit<SideCarHead, 'extents'> {
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

/** @throws {Error} when the head is not there or is of a newer version. */
export function parseSideCar(text: string): SideCar {
  const [first = '', ...lines] = text.split('\n')
  const head = JSON.parse(first) as SideCarHead
  if (head.version !== sideCarVersion) {
    throw new Error(`side-car format ${String(head.version)} is unknown to this version of the program`)
  }
  const extents = Extents.fromRecord(head.extents)
  let { hasStaleBytes, session } = head
  for (const line of lines) {
    const change = parseChange(line)
    if (!change) continue
    if ('s' in change) session = change.s ?? undefined
    else applyChange(extents, change)
    hasStaleBytes ||= 't' in change && change.kept === true
  }
  return { ...head, extents, hasStaleBytes, session }
}

function parseChange(line: string): SideCarChange | undefined {
  try {
    return JSON.parse(line) as SideCarChange
  } catch {
    return undefined // torn by a full disk or a crash: its write was never acknowledged
  }
}

function applyChange(extents: Extents, change: Exclude<SideCarChange, { s: unknown }>): void {
  if ('w' in change) extents.write({ start: change.w[0], end: change.w[1] })
  else if ('f' in change) extents.fetch({ start: change.f[0], end: change.f[1] })
  else extents.truncate(change.t)
}
