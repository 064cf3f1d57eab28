/** How a node looks to programs: the server's record, with what is only known here over it. Sends nothing. */
import { laterOf, timespecFromMs, type Timespec } from '../../base/timespec.ts'
import type { RemoteEntry } from '../../remote/types.ts'
import { decodeAttributes } from '../attributes/index.ts'
import type { Node } from '../inode/index.ts'
import { attributesOf, type EntryAttributes } from '../tree/index.ts'
import type { Attr, AttrReply, Entry } from '../types.ts'
import type { KnownTimes } from './change-times.ts'
import type { Core } from './core.ts'

/** What programs see in a node's metadata: the server's, changed by what is not sent yet. */
export function viewAttributes(node: Node): EntryAttributes {
  if (!node.hasUnsent && node.entry) return attributesOf(node.entry)
  const metadata: Record<string, string> = { ...node.entry?.metadata }
  for (const { key, value } of node.unsent.patches.values()) {
    if (value === undefined) delete metadata[key]
    else metadata[key] = value
  }
  if (node.entry) return decodeAttributes({ ...node.entry, metadata })
  return decodeAttributes({ ...newRecord, kind: node.isFolder ? 'folder' : 'file', metadata })
}

/** Stands in for the record of what the server does not have yet. */
const newRecord = {
  id: '',
  kind: 'file',
  name: '',
  sizeBytes: 0,
  createdAtMs: 0,
  updatedAtMs: 0,
  entity: undefined,
  metadata: {},
  shared: false,
  owned: true,
  capability: '',
  uri: '',
  uploadSessionId: undefined,
} as unknown as RemoteEntry

export function sizeOf(node: Node): number {
  if (node.kind === 'symlink') return Buffer.byteLength(viewAttributes(node).linkTarget ?? '')
  if (node.kind === 'folder') return 4096
  return node.content ? node.content.sizeBytes : (node.entry?.sizeBytes ?? 0)
}

/** A time that somebody set, else the last write here, else the content's; of a folder, the last change of its names here. */
export function mtimeOf({ times, changes, clock }: Core, node: Node): Timespec {
  const folderMtime = node.isFolder ? changes.of(node).folderMtime : undefined
  if (folderMtime) return folderMtime
  if (node.hasUnsent && node.unsent.mtime) return node.unsent.mtime
  const written = node.content?.modifiedAt
  if (written) return written
  if (!node.entry) return viewAttributes(node).mtime ?? timespecFromMs(clock.now())
  return viewAttributes(node).mtime ?? times.of(node.entry)
}

/** The last change here of content, attributes or name. What was never changed here is as old as its content. */
function ctimeOf({ times }: Core, node: Node, { ctime }: KnownTimes, mtime: Timespec): Timespec {
  if (!ctime) return mtime
  const sent = node.kind === 'file' && node.entry ? times.of(node.entry) : undefined
  const written = node.content?.modifiedAt ?? sent
  return written ? laterOf(ctime, written) : ctime
}

export function attrOf(core: Core, node: Node): Attr {
  return writableAttrOf(core, node)
}

function writableAttrOf(core: Core, node: Node): Attr & { btime?: Timespec } {
  const { options } = core
  const mtime = mtimeOf(core, node)
  const known = core.changes.of(node)
  return {
    ino: node.stableIno,
    kind: node.kind,
    sizeBytes: sizeOf(node),
    mode: modeOf(core, node),
    nlink: node.isUnlinked ? 0 : node.isFolder ? 2 : 1,
    uid: options.uid,
    gid: options.gid,
    atime: known.atime ?? mtime,
    mtime,
    ctime: ctimeOf(core, node, known, mtime),
  }
}

function modeOf({ options }: Core, node: Node): number {
  if (node.kind === 'symlink') return 0o777
  return viewAttributes(node).mode ?? defaultMode(options, node)
}

export function defaultMode(options: { fileMode: number; folderMode: number }, node: Node): number {
  return node.isFolder ? options.folderMode : options.fileMode
}

export function attrReply(core: Core, node: Node): AttrReply {
  const attr = writableAttrOf(core, node)
  if (node.entry && !node.isRoot) attr.btime = timespecFromMs(node.entry.createdAtMs)
  return { attr, attrTtlMs: core.options.attrTtlMs }
}

/** Answers a node to the kernel: counts as a look-up. */
export function entryReply(core: Core, node: Node): Entry {
  core.tree.table.addLookup(node)
  const { entryTtlMs, attrTtlMs } = core.options
  return { ino: node.ino, generation: 0, attr: attrOf(core, node), entryTtlMs, attrTtlMs }
}
