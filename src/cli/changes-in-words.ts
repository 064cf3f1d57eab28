/** How changes that are not on the server are counted and named. */
import type { UploadStatus } from '../mount/control-results.ts'
import { counted } from './table.ts'

export interface ChangeCounts {
  /** With content that is not on the server. */
  readonly files: number
  /** Names and attributes. */
  readonly others: number
}

export function countsOf(uploads: readonly UploadStatus[]): ChangeCounts {
  let files = 0
  let others = 0
  for (const { kind, count } of uploads) {
    if (kind === 'content') files += count
    else others += count
  }
  return { files, others }
}

/** `2 files`, `1 change`, `2 files and 1 other change`. */
export function countedChanges({ files, others }: ChangeCounts): string {
  if (others === 0) return counted(files, 'file')
  if (files === 0) return counted(others, 'change')
  return `${counted(files, 'file')} and ${counted(others, 'other change')}`
}

/** `is` or `are`, for what `countedChanges` names. */
export function areOrIs({ files, others }: ChangeCounts): string {
  return files + others === 1 ? 'is' : 'are'
}

/** `rename from /home/ann/cloud/a`, `deletion of 14 files and folders`. */
export function changeInWords({ kind, from, count }: Pick<UploadStatus, 'kind' | 'from' | 'count'>): string {
  if (kind === 'rename' && from !== null) return `rename from ${from}`
  return count > 1 ? `${kind} of ${count} files and folders` : kind
}
