import { randomBytes } from 'node:crypto'
import type { WireUploadCredential } from '../../api/types.ts'
import { ApiFailure, invalid, locked } from '../failure.ts'
import { algorithm, newCipher, presentCipher } from '../state/cipher.ts'
import { pathOf, type FileNode } from '../state/tree.ts'
import { chunkCount, chunkLength, type UploadSession } from '../state/uploads.ts'
import { formatUri } from '../uri.ts'
import { checkMetadata, isTooLong } from './metadata-rules.ts'
import { find, findOrNothing, lockPlace, uploadPlace, writablePlace, type Op } from './place.ts'
import { presentPolicy } from './present.ts'
import { receive } from './put.ts'
import { credentialFor } from '../storage/credential.ts'
import { dropEntity, uploadMark, noThumbnailMark } from './versions.ts'
import { beginWrite, finishWrite, removeNode } from './write.ts'

export interface SessionArguments {
  uri: string
  sizeBytes: number
  policyId: string | undefined
  lastModifiedMs: number | undefined
  metadata: Record<string, string>
  entityType: string
  previous: string | undefined
  /** What the client can do; the first one counts. */
  encryptions: readonly unknown[]
}

const maxMetadataEntries = 256

/** `PUT /file/upload`: reserves the size, shows the mark, locks the path for the life of the session. @throws {ApiFailure} */
export function createSession(op: Op, args: SessionArguments): WireUploadCredential {
  const { world } = op
  checkArguments(op, args)
  const place = uploadPlace(op, args.uri)
  if (args.entityType === 'live_photo') {
    if (!findOrNothing(op, place)) throw new ApiFailure(40016)
    throw new ApiFailure(40019)
  }
  const expiresAtMs = world.time.nowMs() + world.settings.uploadSessionTtlMs
  const write = beginWrite(op, place, {
    sizeBytes: args.sizeBytes,
    previous: world.settings.isBefore411 ? undefined : args.previous,
    mustBeNew: args.entityType === '',
    unstorableCode: -1,
    lockExpiresAtMs: expiresAtMs,
  })
  const storage = world.settings.relay ? 'local' : world.settings.policyType
  const isWhole = world.settings.relay || storage === 'upyun'
  const chunkSizeBytes = isWhole ? 0 : world.settings.chunkSizeBytes
  const isEncrypted = world.settings.encryption && !world.settings.relay && args.encryptions[0] === algorithm
  if (isEncrypted) write.entity.cipher = newCipher()
  const lastModifiedMs = args.lastModifiedMs ?? 0
  const session: UploadSession = {
    id: write.sessionId,
    userNumber: place.owner.number,
    write,
    elements: place.elements,
    sizeBytes: args.sizeBytes,
    chunkSizeBytes,
    expiresAtMs,
    lastModifiedMs: lastModifiedMs > 0 ? lastModifiedMs : undefined,
    metadata: new Map(Object.entries(args.metadata)),
    storage,
    callbackSecret: randomBytes(16).toString('hex'),
    received: new Map(),
    storedBytes: undefined,
    isStuck: false,
  }
  world.uploads.add(session)
  return {
    session_id: write.sessionId,
    upload_id: '',
    chunk_size: chunkSizeBytes,
    expires: Math.floor(expiresAtMs / 1000),
    storage_policy: presentPolicy(world),
    uri: formatUri(place.uriRoot, place.elements),
    callback_secret: session.callbackSecret,
    ...credentialFor(world, session),
    ...(write.entity.cipher ? { encrypt_metadata: presentCipher(write.entity.cipher) } : {}),
  }
}

/** @throws {ApiFailure} 40001 */
function checkArguments(
  { world }: Op,
  { sizeBytes, policyId, metadata, entityType }: SessionArguments,
): void {
  if (sizeBytes < 0) throw invalid()
  const isPolicyKnown = policyId
    ? world.ids.decode('policy', policyId) !== undefined
    : !world.settings.isBefore411
  if (!isPolicyKnown) throw new ApiFailure(40001, { msg: 'unknown policy id' })
  if (!['', 'version', 'live_photo'].includes(entityType)) throw invalid()
  const changes = Object.entries(metadata).map(([key, value]) => ({ key, value }))
  if (changes.length > maxMetadataEntries) throw invalid()
  // Values that are too long are let through here and break the last chunk (api/00-live-files §2).
  checkMetadata(world.ids, changes, { checksLength: false })
}

export interface ChunkArguments {
  sessionId: string
  index: number
  announcedBytes: number
  body: AsyncIterable<Buffer>
}

/** `POST /file/upload/{session}/{index}`; the last missing chunk completes the file. @throws {ApiFailure} */
export async function receiveChunk(op: Op, args: ChunkArguments): Promise<void> {
  const { world, caller } = op
  const session = world.uploads.find(args.sessionId)
  // Also for somebody else's, which is what an expired token makes of one's own.
  if (!session || caller.user?.number !== session.userNumber) throw new ApiFailure(40011)
  if (session.storage !== 'local') throw new ApiFailure(40006)
  await storeChunk(op, session, args)
}

/** One of Cloudreve's own chunks: here, or at a slave. @throws {ApiFailure} */
export async function storeChunk(
  op: Op,
  session: UploadSession,
  { index, announcedBytes, body }: Omit<ChunkArguments, 'sessionId'>,
): Promise<void> {
  const { world } = op
  checkStillThere(op, session)
  if (!Number.isInteger(index) || index < 0 || index >= chunkCount(session)) throw new ApiFailure(40012)
  const expected = chunkLength(session, index)
  if (announcedBytes !== expected)
    throw new ApiFailure(40013, { msg: `Invalid Content-Length (expected: ${expected})` })
  const offset = index * session.chunkSizeBytes
  if (expected > 0) await receive(op, session.write.entity.number, { body, offset, sizeBytes: expected })
  session.received.set(index, '')
  // A late duplicate has written into the finished content, as on the real server (api/00-live-files §2).
  if (session.received.size < chunkCount(session) || world.uploads.find(session.id) !== session) return
  completeSession(op, session)
}

/** @throws {ApiFailure} 40016 the file is elsewhere or gone, 40073 without holders: the session's lock is gone */
function checkStillThere({ world }: Op, { write, elements }: UploadSession): void {
  const { node } = write
  const isThere = !node.gone && !world.tree.isTrashed(node) && pathOf(node).join('/') === elements.join('/')
  if (!isThere) throw new ApiFailure(40016)
  if (!world.locks.isHeld(write.lockToken)) throw locked(undefined)
}

const maxYearMs = Date.UTC(10_000, 0, 1)

/** @throws {ApiFailure} 40016, 40073 as `checkStillThere`; 50001 the metadata or the time cannot be stored; from then on chunks answer 0 and nothing happens */
export function completeSession(op: Op, session: UploadSession): void {
  checkStillThere(op, session)
  const { metadata, lastModifiedMs, write } = session
  if (session.isStuck) return
  const isBroken =
    [...metadata.values()].some(isTooLong) || (lastModifiedMs !== undefined && lastModifiedMs >= maxYearMs)
  if (isBroken) {
    session.isStuck = true
    throw new ApiFailure(50001)
  }
  for (const [key, value] of metadata) write.node.metadata.set(key, value)
  op.world.uploads.remove(session.id)
  finishWrite(op, write, lastModifiedMs === undefined ? undefined : lastModifiedMs * 1000)
}

/**
 * `DELETE /file/upload`: the placeholder goes; a file that has nothing else goes with it, also one that was there before, empty
 * (api/04 §9). Unknown ids only remove a stale mark.
 * @throws {ApiFailure} 40016 no such file, 404 somebody else's session, 40073 another session holds the path
 */
export function cancelSession(op: Op, id: string, uri: string): void {
  const { world, caller } = op
  const node = find(op, writablePlace(op, uri))
  const session = world.uploads.findAny(id)
  if (session && (session.userNumber !== caller.user?.number || session.write.node !== node))
    throw new ApiFailure(404)
  if (session) world.locks.release([session.write.lockToken])
  world.locks.during({ places: [lockPlace(op, node)], holder: 'upload', isDeep: false }, () => {
    world.uploads.remove(id)
    removePlaceholder(op, node, id)
  })
}

function removePlaceholder({ world, caller }: Op, node: FileNode, id: string): void {
  const placeholder = node.entities.find(({ uploadSessionId }) => uploadSessionId === id)
  if (!placeholder) {
    // Only a mark that nothing stands behind any more.
    if (!node.entities.some(({ uploadSessionId }) => uploadSessionId !== undefined))
      node.metadata.delete(uploadMark)
    world.tree.changed()
    return
  }
  const from = pathOf(node)
  const isOnlyContent = node.entities.length === 1
  dropEntity(world, node, placeholder)
  node.metadata.delete(uploadMark)
  node.metadata.delete(noThumbnailMark)
  world.tree.changed()
  if (isOnlyContent) removeNode({ world, caller }, node)
  world.events.publish({ type: isOnlyContent ? 'delete' : 'modify', node, from }, caller.clientId)
}
