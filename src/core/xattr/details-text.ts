import type { RemoteDetails, RemoteDirectLink, RemoteShare, RemoteVersion } from '../../remote/types.ts'
import { fittingLines } from './activity-text.ts'
import { localTime, oneLine, plural, type TimeFormat } from './words.ts'

/** `Default (local)`. */
export function policyText({ policy }: RemoteDetails): string {
  return policy ? `${oneLine(policy.name)} (${oneLine(policy.type)})` : 'unknown'
}

/** A line each, newest made first. */
export function versionLines({ versions }: RemoteDetails, format: TimeFormat): string {
  return fittingLines(versions.map((version) => versionLine(version, format)))
}

function versionLine(version: RemoteVersion, format: TimeFormat): string {
  const { entity, createdAtMs, sizeBytes, createdBy, isCurrent } = version
  const by = createdBy === undefined ? [] : [`by ${oneLine(createdBy)}`]
  const current = isCurrent ? ['current'] : []
  return [localTime(createdAtMs, format), plural(sizeBytes, 'byte'), entity, ...by, ...current].join('  ')
}

export function shareLines({ shares }: RemoteDetails, format: TimeFormat): string {
  return fittingLines(shares.map((share) => shareLine(share, format)))
}

function shareLine(share: RemoteShare, format: TimeFormat): string {
  const { url, createdAtMs, expiresAtMs, expired, visited, isPrivate } = share
  const parts = [
    oneLine(url),
    `since ${localTime(createdAtMs, format)}`,
    `visited ${plural(visited, 'time')}`,
  ]
  if (isPrivate) parts.push('with a password')
  if (expired) parts.push('expired')
  else if (expiresAtMs !== undefined) parts.push(`until ${localTime(expiresAtMs, format)}`)
  return parts.join('  ')
}

export function directLinkLines({ directLinks }: RemoteDetails, format: TimeFormat): string {
  return fittingLines(directLinks.map((link) => directLinkLine(link, format)))
}

function directLinkLine({ url, createdAtMs, downloaded }: RemoteDirectLink, format: TimeFormat): string {
  const since = `since ${localTime(createdAtMs, format)}`
  return [oneLine(url), since, `downloaded ${plural(downloaded, 'time')}`].join('  ')
}
