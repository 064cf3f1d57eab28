import { absentAsUndefined } from '../../remote/errors.ts'
import type { RemoteEntry, RemotePath } from '../../remote/types.ts'
import { sentBefore, wasCopied } from './conflict.ts'
import type { WriteEnvironment } from './environment.ts'
import type { Generation } from './generation.ts'
import type { SentGenerations } from './sent-generations.ts'
import type { ContentOwner } from './types.ts'
import type { Uploadable } from './uploadable.ts'

export interface FindSentParts {
  readonly content: Uploadable
  readonly sent: SentGenerations
  readonly owner: ContentOwner
  readonly environment: WriteEnvironment
}

/** What is here, and the server has it already. */
export interface Taken {
  readonly generation: Generation
  readonly entry: RemoteEntry
  readonly path: RemotePath
}

/**
 * Asks the server whether it has what was sent of a file without an answer. An older content becomes what the next upload replaces.
 * Asks nothing where nothing was sent; `unknown`: the server cannot be asked.
 * @requires that nothing is being sent
 */
export async function findSent(parts: FindSentParts): Promise<Taken | 'unknown' | undefined> {
  const { content, owner, environment } = parts
  const path = owner.path()
  const isOpen = content.isDirty && content.uploads.isUncertain
  if (!isOpen || path === undefined) return undefined
  if (environment.queue.outage.detail !== undefined) return 'unknown'
  try {
    return await findAt(path, parts)
  } catch (error) {
    environment.log.warn('whether the server has what was sent of a file could not be found out', {
      label: owner.label,
      reason: String(error),
    })
    return 'unknown'
  }
}

async function findAt(path: RemotePath, parts: FindSentParts): Promise<Taken | undefined> {
  const { content, sent, owner, environment } = parts
  const { remote } = environment
  const entry = await absentAsUndefined(remote.info(path))
  if (entry?.kind !== 'file' || entry.uploadSessionId !== undefined) return undefined
  // Empty: made for the upload of an empty new file, or else nothing of ours has arrived.
  if (entry.entity === undefined && (owner.id !== undefined || content.sizeBytes > 0)) return undefined
  // What programs have renamed away, and may have the very bytes.
  if (entry.id !== owner.id && owner.known(entry.id)) return undefined
  const former = content.replaces
  if (entry.entity === former) return undefined
  const generation = await sent.freeze()
  const attempts = await content.uploads.attempts()
  // Nobody cuts a comparison that whoever renames or deletes the file waits for.
  const transfer = { checkCut: () => undefined }
  const found = await sentBefore({ path, generation, attempts }, entry, { remote, transfer })
  if (found === 'ours') return { generation, entry, path }
  await sent.failed()
  if (found === undefined || entry.entity === undefined) return undefined
  content.rebase(entry.entity)
  if (wasCopied(entry, attempts)) owner.copied(entry)
  owner.found(entry, former, path)
  return undefined
}
