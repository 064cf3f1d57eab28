import { assertNever } from '../../base/assert.ts'
import type { WireEvents } from '../../api/schema.ts'
import type { RemoteChange } from '../changes.ts'
import type { FileId, RemotePath } from '../types.ts'

export function toChange({ type, file_id, from, to }: WireEvents[number]): RemoteChange {
  const id = file_id as FileId
  const path = pathOf(from)
  switch (type) {
    case 'create':
      return { kind: 'created', id, path }
    case 'modify':
      return { kind: 'changed', id, path }
    case 'rename':
      return { kind: 'moved', id, from: path, path: pathOf(to) }
    case 'delete':
      return { kind: 'removed', id, path }
    default:
      return assertNever(type)
  }
}

/** Of `/a/b`, not percent-encoded, from the folder that is watched. */
function pathOf(text: string): RemotePath {
  return text.split('/').filter((name) => name !== '')
}
