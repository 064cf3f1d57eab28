import { isRemoteError, RemoteError } from '../../remote/errors.ts'
import type { RemoteEntry } from '../../remote/types.ts'

/**
 * A creation whose answer was lost, or that failed at the server half-way, and is tried again finds its own work: `isOurs`
 * tells an object like the one that was to be made.
 */
export function createOrFind(
  look: () => Promise<RemoteEntry>,
  create: () => Promise<RemoteEntry>,
  isOurs: (found: RemoteEntry) => boolean,
): () => Promise<RemoteEntry> {
  let wasTried = false
  return async () => {
    try {
      return await create()
    } catch (error) {
      const mayBeOurs = wasTried && isRemoteError(error, 'exists')
      wasTried ||= isRemoteError(error, 'server', 'unknown-outcome')
      if (!mayBeOurs && !isRemoteError(error, 'unknown-outcome')) throw error
      const found = await look().catch((cause: unknown) => {
        if (isRemoteError(cause, 'not-found')) return create()
        throw cause
      })
      if (isOurs(found)) return found
      throw new RemoteError('exists', `${found.name}: the name was taken meanwhile`, { cause: error })
    }
  }
}
