import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ApiRequest } from '../http/request.ts'
import type { UploadSession } from '../state/uploads.ts'
import type { World } from '../state/world.ts'

/** Address of a storage's side of a session; it says until when it is valid. */
export function signedUrl(world: World, session: UploadSession, path: string): string {
  const expires = Math.floor(session.expiresAtMs / 1000)
  return `${world.origin}/storage/${path}?expires=${expires}&signature=${mac(world, path, String(expires))}`
}

export type UrlState = 'valid' | 'unsigned' | 'wrong' | 'expired'

/** `session` ends its addresses when it is over, before their own time too. */
export function checkUrl({ world, path, query }: ApiRequest, session: UploadSession): UrlState {
  const given = Buffer.from(query.get('signature') ?? '')
  const expires = query.get('expires') ?? ''
  if (given.length === 0) return 'unsigned'
  const right = Buffer.from(mac(world, path.replace(/^\/storage\//, ''), expires))
  if (given.length !== right.length || !timingSafeEqual(given, right)) return 'wrong'
  const endMs = Math.min(Number(expires) * 1000, session.expiresAtMs)
  return world.time.nowMs() >= endMs ? 'expired' : 'valid'
}

/** What a storage accepts as made by the server for this session. */
export function tokenFor(world: World, { id }: Pick<UploadSession, 'id'>, purpose: string): string {
  return mac(world, `${purpose}/${id}`, '')
}

function mac({ settings }: World, path: string, expires: string): string {
  return createHmac('sha256', `storage:${settings.secret}`).update(`${path}:${expires}`).digest('base64url')
}
