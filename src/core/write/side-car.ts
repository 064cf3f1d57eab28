import type { EndableSession } from '../../remote/remote.ts'
import type { AskedSession, RemotePath, SentChunk, UploadSession } from '../../remote/types.ts'
import type { Extents, ExtentsRecord } from './extents.ts'
import { SideCarReading } from './side-car-reading.ts'
import type { Attempt, BaseEntity, Lender } from './types.ts'

/** Version of the side-car's format. A newer one is left alone, never guessed. Before 3 there were no marks: it vouches for nothing after power loss. */
export const sideCarVersion = 6

/** What a side-car calls the file, and what becomes of it. */
export interface SideCarNames {
  /** Shown path, as the person knows the file. */
  readonly label: string
  /** URI at the server; undefined: the file was unlinked. */
  readonly uri: string | undefined
  readonly path: RemotePath | undefined
  /** Entity that the upload is to replace. */
  readonly replaces: BaseEntity
}

/** Everything that is needed to find out, without the process that wrote it, what a staged file is. */
export interface SideCarHead extends SideCarNames {
  readonly version: number
  /** The start of the machine in which it was written (`readBootId`). */
  readonly bootId: string
  /** All that this head tells is on the disk. */
  readonly isSynced: boolean
  /** Entity whose bytes show where nothing was written. */
  readonly base: BaseEntity
  readonly baseSizeBytes: number
  /** The file that the base is the content of, if that is not this one. */
  readonly lender?: Lender | undefined
  readonly createdAtMs: number
  readonly modifiedAtMs: number
  readonly extents: ExtentsRecord
  /** The data file may hold old bytes where the content has holes. */
  readonly hasStaleBytes: boolean
  /** Upload session that was open at the server, or asked for; with a ticket while the content is what it was opened for. */
  readonly session?: UploadSession | AskedSession | undefined
  /** Pieces that were taken in that session; left out: none. */
  readonly chunks?: readonly SentChunk[] | undefined
  /** Contents that were sent and not heard of, and that this one is not any more; left out: none. */
  readonly attempts?: readonly Attempt[] | undefined
}

/**
 * One change after the head: `w` written, `f` fetched from the base, `b` shows the base, `t` truncated to (with `kept` when the cut
 * bytes still lie in the data file), `s` upload session asked for or begun (null: ended), `c` a piece taken in it, `a` another attempt (what was
 * sent is about to be changed), `h` other
 * names (null: none), `m` a mark: the so many changes
 * above and all their bytes are on the disk.
 */
export type SideCarChange =
  | { readonly w: readonly [number, number] }
  | { readonly f: readonly [number, number] }
  | { readonly b: readonly [number, number] }
  | { readonly t: number; readonly kept?: true }
  | { readonly s: UploadSession | AskedSession | null }
  | { readonly c: SentChunk }
  | { readonly a: Attempt }
  | { readonly h: NamesRecord }
  | { readonly m: number }

interface NamesRecord extends Pick<SideCarNames, 'label' | 'replaces'> {
  readonly uri: string | null
  readonly path: RemotePath | null
}

/** A side-car read back. */
export interface SideCar extends Omit<SideCarHead, 'extents' | 'attempts' | 'chunks'> {
  /** Everything that was acknowledged. */
  readonly extents: Extents
  /**
   * What is on the disk for certain: undefined when nothing is, or when what was may have been overwritten since.
   * The same as `extents` while the machine has not been started anew.
   */
  readonly trusted: Extents | undefined
  /** Something was acknowledged after `trusted`. */
  readonly isCut: boolean
  readonly attempts: readonly Attempt[]
  readonly chunks: readonly SentChunk[]
  /** Changes after the head. */
  readonly changes: number
}

/** A side-car is one line of head, then a line a change: cheap to append to, and a torn last line costs only itself. */
export function formatHead(head: SideCarHead): string {
  return JSON.stringify(head)
}

/** Begins with the line break, so that a record torn by a full disk never swallows the next one. */
export function formatChange(change: SideCarChange): string {
  return `\n${JSON.stringify(change)}`
}

export function namesRecord({ label, uri, path, replaces }: SideCarNames): NamesRecord {
  return { label, replaces, uri: uri ?? null, path: path ?? null }
}

/** Somebody may go on with this session. */
export function canGoOn(session: SideCarHead['session']): session is UploadSession {
  return session !== undefined && 'id' in session && session.ticket !== undefined
}

/** Its ticket holds secrets, and nobody is to go on with it. */
export function withoutTicket(session: EndableSession): EndableSession {
  return 'id' in session ? { id: session.id, uri: session.uri } : session
}

/** A block that power loss kept from the disk reads as zeros, in which the line break of the change after it may lie. */
const lineEnd = /[\n\0]/

/**
 * `bootId` is that of this start of the machine.
 * @throws {Error} when the head is not there or is of a newer version
 */
export function parseSideCar(text: string, bootId: string): SideCar {
  const [first = '', ...lines] = text.split(lineEnd)
  const head = JSON.parse(first) as SideCarHead
  if (!(head.version <= sideCarVersion)) {
    throw new Error(`side-car format ${String(head.version)} is unknown to this version of the program`)
  }
  const reading = new SideCarReading(head)
  for (const line of lines) {
    const change = parseChange(line)
    if (change) reading.apply(change)
  }
  return { ...head, ...reading.result(head.bootId === bootId) }
}

function parseChange(line: string): SideCarChange | undefined {
  try {
    return JSON.parse(line) as SideCarChange
  } catch {
    return undefined // torn by a full disk or a crash: its write was never acknowledged
  }
}
