import type { WireUrls } from '../../api/types.ts'
import { ApiFailure, BatchErrors } from '../failure.ts'
import { activityCategory } from '../state/activities.ts'
import type { SignedUrl } from '../state/url-signer.ts'
import { formatMs } from '../times.ts'
import { normalUri } from '../uri.ts'
import { checkBatch } from './batch.ts'
import { find, placeOf, type Op } from './place.ts'

export interface UrlArguments {
  uris: readonly string[]
  entity?: string | undefined
  download?: boolean | undefined
  fresh?: boolean | undefined
  skipErrors?: boolean | undefined
}

/** `POST /file/url`: one signed URL a file, in the order of the request. @throws {ApiFailure} 40081 */
export function makeUrls(op: Op, args: UrlArguments): WireUrls {
  checkBatch(op, args.uris)
  const errors = new BatchErrors()
  const made = args.uris.map((uri) => errors.attempt(normalUri(uri), () => urlOf(op, uri, args)))
  if (!args.skipErrors) errors.throwIfAny()
  const expiries = made.flatMap((url) => (url ? [url.expiresAtMs] : []))
  return {
    urls: made.map((url) => ({ url: url ? `${op.world.origin}${url.path}` : '' })),
    expires: expiries.length > 0 ? formatMs(Math.min(...expiries)) : null,
  }
}

/** @throws {ApiFailure} 40016, 40077 a folder or an unknown version, 403 in the trash */
function urlOf(op: Op, uri: string, { entity, download, fresh }: UrlArguments): SignedUrl {
  const { world, caller } = op
  const place = placeOf(op, uri)
  if (place.fs === 'trash') throw new ApiFailure(403)
  if (place.share && place.elements.length === 0) throw new ApiFailure(40077)
  const node = find(op, place)
  if (node.isFolder) throw new ApiFailure(40077)
  const wanted = entity ? node.entities.find(({ id }) => id === entity) : node.current
  if (entity && !wanted) throw new ApiFailure(40077)
  if (place.share) {
    place.share.downloaded += 1
    if (place.share.remainingDownloads !== undefined) place.share.remainingDownloads -= 1
  }
  const content = { category: activityCategory.download, from: normalUri(uri) }
  world.activities.record(node, { userNumber: caller.user?.number, content, versionId: wanted?.id })
  return world.urls.contentUrl(wanted?.id ?? world.entities.noContentId, node.name, {
    download: download ?? false,
    fresh: fresh ?? false,
  })
}
