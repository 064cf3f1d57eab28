import type { EntityId, FileId, RemoteEntry } from '../../src/remote/types.ts'

/** A file of 5 bytes as a listing shows it; `changes` make it another. */
export function remoteEntry(changes: Partial<RemoteEntry> = {}): RemoteEntry {
  return {
    id: 'f1aB' as FileId,
    kind: 'file',
    name: 'report.odt',
    sizeBytes: 5,
    createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    updatedAtMs: Date.UTC(2026, 5, 7, 8, 9, 10),
    entity: 'e1' as EntityId,
    metadata: {},
    shared: false,
    owned: true,
    capability: 'w8edAQ==',
    uri: 'cloudreve://my/report.odt',
    uploadSessionId: undefined,
    ...changes,
  }
}

export function remoteFolder(changes: Partial<RemoteEntry> = {}): RemoteEntry {
  return remoteEntry({ kind: 'folder', name: 'Plans', sizeBytes: 0, entity: undefined, ...changes })
}
