/**
 * Which content of a file is the one that an upload has made. Its id is told by no answer, but the file lists its contents with the
 * newest first, and that of an upload is there from the opening of its session on (api/00-live-files §2).
 */
import { fileInfo } from '../../api/endpoints/files.ts'
import type { WireFile } from '../../api/schema.ts'
import { versionsKeptOf } from '../kept-versions.ts'
import type { EntityId, UploadRequest } from '../types.ts'
import { uriOf, type MountContext } from './context.ts'
import { UPLOAD_MARK } from './map-entry.ts'

/** Other types are thumbnails and live photos. */
const VERSION = 0

/**
 * The id of what an open session is going to make, where that cannot be seen afterwards: where nothing is kept of a file but its current
 * content. undefined: it can, or it is not told; then bytes decide.
 */
export async function entityAhead(
  context: MountContext,
  { path }: UploadRequest,
  sessionId: string,
): Promise<EntityId | undefined> {
  if (versionsKeptOf(path.at(-1) ?? '', context.versions) > 1) return undefined
  const file = await fileInfo(context.client, { uri: uriOf(context, path) }, { extended: true })
  const [newest] = contentsOf(file)
  const isOpen = file.metadata[UPLOAD_MARK] === sessionId && newest?.id !== file.primary_entity
  return isOpen ? (newest?.id as EntityId | undefined) : undefined
}

/** The current content of a file lies right on top of `previous`: whoever has replaced that has made it. */
export function isNextAfter(previous: UploadRequest['previous'], file: WireFile): boolean {
  const [newest, before] = contentsOf(file)
  if (newest === undefined || newest.id !== file.primary_entity) return false
  return previous === 'absent' ? before === undefined : before?.id === previous
}

function contentsOf({ extended_info: more }: WireFile): readonly { readonly id: string }[] {
  return (more?.entities ?? []).filter(({ type }) => type === VERSION)
}
