import type { RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { CopySource } from './content-base.ts'
import { mayHaveBeenDone } from './failure.ts'
import type { Generation } from './generation.ts'
import type { SendParts } from './send-generation.ts'

export interface Copying {
  readonly generation: Generation
  readonly source: CopySource
  readonly path: RemotePath
}

/**
 * Has the server copy a generation, if it is still a copy. undefined: it does not, and the next attempt sends the bytes.
 * @throws {RemoteError} when it is to be tried again
 */
export async function sendCopy(
  { generation, source, path }: Copying,
  { content, sent, environment }: Omit<SendParts, 'transfer'>,
): Promise<RemoteEntry | undefined> {
  const isWhole = generation.copyOf?.entity === source.entity
  try {
    const entry = isWhole ? await environment.copies.make(source, path) : undefined
    if (entry) return entry
  } catch (error) {
    // The bytes may be here by the next attempt, which then sends another generation.
    if (mayHaveBeenDone(error)) await sent.forget()
    throw error
  }
  if (isWhole) content.refuseCopy()
  await sent.failed()
  return undefined
}
