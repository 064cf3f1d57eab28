import type { WireEntity, WireExtendedInfo, WireFile, WireStoragePolicy } from '../../api/types.ts'
import { capabilities } from '../bitset.ts'
import { compareNames } from '../names.ts'
import { algorithm } from '../state/cipher.ts'
import type { Entity } from '../state/entities.ts'
import { pathBelow, type FileNode } from '../state/tree.ts'
import type { World } from '../state/world.ts'
import { formatUs } from '../times.ts'
import { formatUri } from '../uri.ts'
import { presentLink, presentShare } from './present-share.ts'
import { originalName, type Op, type Place } from './place.ts'

export interface PresentOptions {
  /** `null` in the answer when not loaded, as some calls do. */
  withMetadata?: boolean
  /** Computed in listings of own folders and in extended info only. */
  withShared?: boolean
}

/** A file or folder as the caller sees it from `place`. */
export function presentFile(
  op: Op,
  place: Place,
  node: FileNode,
  { withMetadata = false, withShared = false }: PresentOptions = {},
): WireFile {
  const { world } = op
  const isShared = withShared && op.caller.user === place.owner && world.shares.ofNode(node).length > 0
  return {
    type: node.isFolder ? 1 : 0,
    id: node.id,
    name: place.fs === 'trash' ? originalName(node) : node.name,
    created_at: formatUs(node.createdUs),
    updated_at: formatUs(node.updatedUs),
    size: node.current?.sizeBytes ?? 0,
    metadata: withMetadata ? sortedMetadata(node) : null,
    path: pathOfNode(place, node),
    ...(isShared ? { shared: true } : {}),
    capability: capabilities[place.fs],
    ...(op.caller.user?.number === node.ownerNumber ? { owned: true } : {}),
    primary_entity: node.current?.id ?? world.entities.noContentId,
  }
}

function sortedMetadata({ metadata }: FileNode): Record<string, string> {
  if (metadata.size < 2) return Object.fromEntries(metadata)
  return Object.fromEntries([...metadata].sort(([a], [b]) => compareNames(a, b)))
}

function pathOfNode(place: Place, node: FileNode): string {
  if (place.fs === 'trash') return formatUri(place.uriRoot, [node.name])
  if (place.fs === 'shared_with_me')
    return node === place.base ? place.uriRoot : formatUri(place.uriRoot, [node.id])
  return formatUri(place.uriRoot, pathBelow(node, place.base) ?? [])
}

export function presentPolicy(world: World): WireStoragePolicy {
  const { settings } = world
  return {
    id: world.ids.encode('policy', 1),
    name: 'Default storage policy',
    type: settings.policyType,
    max_size: settings.maxFileBytes,
    ...(settings.allowedSuffixes.length > 0 ? { allowed_suffix: settings.allowedSuffixes } : {}),
    ...(settings.deniedSuffixes.length > 0 ? { denied_suffix: settings.deniedSuffixes } : {}),
    ...(settings.relay ? { relay: true } : {}),
    ...(settings.encryption ? { encryption: true } : {}),
    ...(settings.chunkConcurrency > 0 ? { chunk_concurrency: settings.chunkConcurrency } : {}),
  }
}

/** `extended_info`: the versions newest-made first, and, for the owner, shares and direct links. */
export function presentExtended(op: Op, node: FileNode): WireExtendedInfo {
  const { world } = op
  const isOwner = op.caller.user?.number === node.ownerNumber
  const entities = [...node.entities].sort((a, b) => b.number - a.number)
  const shares = isOwner ? world.shares.ofNode(node) : []
  const links = isOwner ? world.shares.linksOf(node) : []
  return {
    ...(node.isFolder ? {} : { storage_policy: presentPolicy(world) }),
    storage_used: entities.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    ...(entities.length > 0 ? { entities: entities.map((entity) => presentEntity(world, entity)) } : {}),
    ...(shares.length > 0
      ? { shares: shares.map((share) => presentShare(op, share, { unlocked: true, withGroup: true })) }
      : {}),
    ...(links.length > 0 ? { direct_links: links.map((link) => presentLink(world, link)) } : {}),
    ...(isOwner && node.view ? { view: node.view } : {}),
  }
}

function presentEntity(world: World, entity: Entity): WireEntity {
  const maker = world.users.get(entity.createdBy)
  return {
    id: entity.id,
    size: entity.sizeBytes,
    type: entity.type,
    created_at: formatUs(entity.createdUs),
    ...(entity.cipher ? { encrypted_with: algorithm } : {}),
    storage_policy: presentPolicy(world),
    ...(maker ? { created_by: world.users.wireRedacted(maker) } : {}),
  }
}
