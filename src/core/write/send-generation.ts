import { absentAsUndefined, isRemoteError } from '../../remote/errors.ts'
import type { RemoteEntry, RemotePath } from '../../remote/types.ts'
import { examine, saveAside, sentBefore, wasCopied, type Examined, type Resolution } from './conflict.ts'
import type { WriteEnvironment } from './environment.ts'
import { mayHaveBeenDone } from './failure.ts'
import type { Generation } from './generation.ts'
import type { SentGenerations } from './sent-generations.ts'
import { UploadCutError, type Transfer } from './transfer.ts'
import type { BaseEntity, ContentOwner, Placed, Stray } from './types.ts'
import type { Uploadable } from './uploadable.ts'

export interface Sending {
  readonly path: RemotePath
  readonly previous: BaseEntity
  readonly generation: Generation
  /** It goes to the file of the owner, and not beside it. */
  readonly isOwn: boolean
}

export interface SendParts {
  readonly content: Uploadable
  readonly owner: ContentOwner
  readonly transfer: Transfer
  readonly sent: SentGenerations
  readonly environment: WriteEnvironment
}

/** What came of one request. `isStored`: the server has said that it did it. */
type Sent = Examined & { readonly isStored: boolean }

/**
 * Brings a generation to the server, to the file that is meant: a request that names the path of one which was moved by somebody else
 * makes a new one there (api/00-live-files §17.10).
 */
export async function sendGeneration(sending: Sending, parts: SendParts): Promise<Resolution> {
  const { transfer, environment } = parts
  for (let { path } = sending; ;) {
    const sent = await send({ ...sending, path }, parts)
    const moved = sending.isOwn ? await followed(path, sent, sending, parts) : undefined
    if (moved) path = moved
    else if (sent.kind === 'ours') {
      const { entry } = sent
      await leaveUnheard({ entry, path }, sending, parts)
      return { kind: 'ours', entry, path }
    } else if (sent.kind === 'earlier') return earlier(sent.entry, { ...sending, path }, parts)
    transfer.checkCut()
    if (moved) continue
    const onUnheard = (at: RemotePath) => parts.sent.leftUncertain(at)
    const refused = { ...sending, path, onUnheard }
    const aside = await saveAside(refused, sent.entry, transfer, environment)
    await leaveUnheard({ entry: aside.copy, path: aside.path }, sending, parts)
    return aside
  }
}

async function earlier(
  entry: RemoteEntry,
  { path, previous, isOwn }: Sending,
  { content, owner }: SendParts,
): Promise<Resolution> {
  const isOurs = isOwn && (owner.id === entry.id || !owner.known(entry.id))
  if (isOurs && wasCopied(entry, await content.uploads.attempts())) {
    owner.copied(entry)
    owner.found(entry, previous, path)
  }
  return { kind: 'earlier', entity: entry.entity ?? 'absent' }
}

async function send(
  { path, previous, generation }: Sending,
  { content, transfer, sent, environment }: SendParts,
): Promise<Sent> {
  try {
    return { kind: 'ours', entry: await transfer.send(path, previous, generation), isStored: true }
  } catch (error) {
    const isCut = error instanceof UploadCutError && error.mayBeDone
    if (mayHaveBeenDone(error) || isCut) sent.leftUncertain(path)
    if (!isRemoteError(error, 'stale', 'exists')) throw error
    const attempts = await content.uploads.attempts()
    const refused = { path, previous, generation, attempts }
    return { ...(await examine(refused, transfer, environment)), isStored: false }
  }
}

/** Where the file of the owner is by now, or a new one belongs, if what was found at `path` is not at that place. */
async function followed(
  path: RemotePath,
  { kind, entry, isStored }: Sent,
  { previous }: Sending,
  { owner, sent }: SendParts,
): Promise<RemotePath | undefined> {
  const isMisplaced = owner.id === undefined ? !isAt(path, owner) : entry.id !== owner.id
  if (!isMisplaced) return undefined
  // Should that fail, the next attempt finds this one.
  if (isStored) sent.leftUncertain(path)
  const stray: Stray | undefined =
    kind === 'theirs' ? undefined : { path, entry, replaced: isStored ? previous : 'absent' }
  const isFound = owner.id === undefined || (await owner.follow(stray))
  if (owner.id === undefined && stray) await owner.leave(stray)
  if (!isFound || isAt(path, owner)) return undefined
  sent.heardOf(path)
  return owner.path()
}

/** It is at the server, as `placed`. What was sent to other paths by then, where nobody has heard of it, is one too many. */
async function leaveUnheard(
  placed: Placed,
  { generation }: Sending,
  { content, owner, sent, transfer, environment }: SendParts,
): Promise<void> {
  const { remote } = environment
  for (const path of sent.unheardBeside(placed.path)) {
    const entry = await absentAsUndefined(remote.info(path))
    const isOther =
      entry?.kind !== 'file' || entry.id === placed.entry.id || owner.known(entry.id) !== undefined
    const attempts = await content.uploads.attempts()
    const isOurs = !isOther && (await sentBefore({ path, generation, attempts }, entry, { remote, transfer }))
    if (isOurs) await owner.leave({ path, entry, replaced: 'absent' })
    sent.heardOf(path)
  }
}

/** Or nowhere any more. */
function isAt(path: RemotePath, owner: ContentOwner): boolean {
  const at = owner.path()
  return at === undefined || at.join('/') === path.join('/')
}
