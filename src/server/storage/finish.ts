import { ApiFailure } from '../failure.ts'
import type { Op } from '../files/place.ts'
import { completeSession } from '../files/sessions.ts'
import type { UploadSession } from '../state/uploads.ts'
import type { World } from '../state/world.ts'

/** Who has no token and speaks for the owner of a session: its storage, or whoever knows its secret. */
export function ownerOf(world: World, session: UploadSession): Op {
  return { world, caller: { user: world.users.get(session.userNumber), clientId: undefined } }
}

/**
 * The storage says that it has everything.
 * @throws {ApiFailure} 40055 it has another size, or nothing; what completing throws
 */
export function finishAtStorage(world: World, session: UploadSession): void {
  if (session.storedBytes !== session.sizeBytes) throw new ApiFailure(40055, { msg: 'file size not match' })
  completeSession(ownerOf(world, session), session)
}
