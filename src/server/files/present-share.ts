import type { WireDirectLinkInfo, WireShare } from '../../api/types.ts'
import type { DirectLink, Share } from '../state/shares.ts'
import type { World } from '../state/world.ts'
import { formatUs } from '../times.ts'
import { originalName, type Op } from './place.ts'

export interface SharePresentation {
  /** The caller gave the right password, or needs none. */
  unlocked: boolean
  /** The owner's group is shown in `extended_info` only. */
  withGroup?: boolean
  sourceUri?: string | undefined
}

export function presentShare(
  { world, caller }: Op,
  share: Share,
  { unlocked, withGroup = false, sourceUri }: SharePresentation,
): WireShare {
  const owner = world.users.get(share.ownerNumber)!
  const isOwner = caller.user === owner
  return {
    id: share.id,
    name: originalName(share.node),
    visited: share.visited,
    ...(unlocked ? unlockedPart(share) : {}),
    unlocked,
    ...(share.password === '' ? {} : { password_protected: true }),
    source_type: share.node.isFolder ? 1 : 0,
    owner: world.users.wireRedacted(owner, { withEmail: caller.user !== undefined, withGroup }),
    created_at: formatUs(share.createdUs),
    expired: world.shares.isOver(share),
    url: shareUrl(world, share, unlocked),
    size: unlocked ? (share.node.current?.sizeBytes ?? 0) : 0,
    ...(isOwner && share.isPrivate ? { is_private: true } : {}),
    ...(isOwner && share.showView ? { share_view: true } : {}),
    ...(sourceUri === undefined ? {} : { source_uri: sourceUri }),
  }
}

function unlockedPart(share: Share): Partial<WireShare> {
  return {
    ...(share.downloaded > 0 ? { downloaded: share.downloaded } : {}),
    ...(share.remainingDownloads === undefined ? {} : { remain_downloads: share.remainingDownloads }),
    ...(share.expiresUs === undefined ? {} : { expires: formatUs(share.expiresUs) }),
    ...(share.showReadme ? { show_readme: true } : {}),
    ...(share.password === '' ? {} : { password: share.password }),
  }
}

export function shareUrl(world: World, share: Share, withPassword: boolean): string {
  const password = withPassword && share.password !== '' ? `/${share.password}` : ''
  return `${world.origin}/s/${share.id}${password}`
}

export function presentLink(world: World, link: DirectLink): WireDirectLinkInfo {
  return {
    id: link.id,
    url: linkUrl(world, link),
    downloaded: link.downloaded,
    created_at: formatUs(link.createdUs),
  }
}

export function linkUrl(world: World, link: DirectLink): string {
  return `${world.origin}/f/${link.id}/${encodeURIComponent(link.name)}`
}
