import type { WireFile, WireFolderSummary } from '../../api/types.ts'
import { ApiFailure, invalid } from '../failure.ts'
import { pathOf, subtree, type FileNode } from '../state/tree.ts'
import { formatUs, type TimeUs } from '../times.ts'
import { formatUri } from '../uri.ts'
import { find, placeOf, type Op } from './place.ts'
import { presentExtended, presentFile } from './present.ts'

export interface InfoArguments {
  uri: string | undefined
  id: string | undefined
  isExtended: boolean
  withSummary: boolean
}

/** `GET /file/info`; `uri` wins over `id`. @throws {ApiFailure} 403 a root */
export function fileInfo(op: Op, { uri, id, isExtended, withSummary }: InfoArguments): WireFile {
  if (uri === undefined && id === undefined) throw invalid()
  const place = placeOf(op, uri ?? uriOfId(op, id!))
  if (place.elements.length === 0) throw new ApiFailure(403)
  const node = find(op, place)
  const isOwner = op.caller.user?.number === node.ownerNumber
  if (withSummary && !isOwner) throw new ApiFailure(40082)
  const file = presentFile(op, place, node, { withMetadata: true, withShared: isExtended })
  // Only the listing of the trash shows what may be done there.
  if (place.fs === 'trash') delete file.capability
  return {
    ...file,
    ...(withSummary && node.isFolder ? { folder_summary: summaryOf(op, node) } : {}),
    ...(isExtended ? { extended_info: presentExtended(op, node) } : {}),
  }
}

/** @throws {ApiFailure} 40001 no file's id, -1 unknown, 40082 somebody else's, 40016 inside a trashed folder, 401 */
function uriOfId({ world, caller }: Op, id: string): string {
  const number = world.ids.decode('file', id)
  if (number === undefined) throw new ApiFailure(40001)
  if (!caller.user) throw new ApiFailure(401)
  const node = world.tree.find(number)
  if (!node) throw new ApiFailure(-1)
  if (node.ownerNumber !== caller.user.number) throw new ApiFailure(40082)
  if (!world.tree.isTrashed(node)) return formatUri('cloudreve://my', pathOf(node))
  if (node.parent) throw new ApiFailure(40016)
  return formatUri('cloudreve://trash', [node.name])
}

const summaryLifetimeUs = 300_000_000
const summaries = new WeakMap<FileNode, { atUs: TimeUs; summary: WireFolderSummary }>()

/** Kept for 300 s, whatever changes meanwhile (api/03 §4). */
function summaryOf({ world }: Op, folder: FileNode): WireFolderSummary {
  const nowUs = world.time.stampUs()
  const known = summaries.get(folder)
  if (known && nowUs - known.atUs < summaryLifetimeUs) return known.summary
  const summary = { size: 0, files: 0, folders: 0, completed: true, calculated_at: formatUs(nowUs) }
  for (const node of subtree(folder)) {
    if (node === folder) continue
    if (node.isFolder) summary.folders += 1
    else summary.files += 1
    summary.size += node.entities.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }
  summaries.set(folder, { atUs: nowUs, summary })
  return summary
}
