import { createHash } from 'node:crypto'
import { isRemoteError, RemoteError } from '../../remote/errors.ts'
import type { RemoteEntry, RemotePath } from '../../remote/types.ts'
import { conflictName } from './conflict-name.ts'
import type { WriteEnvironment } from './environment.ts'
import { mayHaveBeenDone } from './failure.ts'
import type { Generation } from './generation.ts'
import type { Transfer } from './transfer.ts'
import type { Attempt, BaseEntity, WholeCopy, WriteRemote } from './types.ts'

/**
 * What a refused upload (`stale`) turned out to be.
 * - `ours`: the server has exactly these bytes
 * - `earlier`: it has something that is safe to replace: an earlier attempt of ours, or nothing
 * - `aside`: somebody else's content; ours lies beside it as `copy`, at `path`
 */
export type Resolution =
  | { readonly kind: 'ours'; readonly entry: RemoteEntry; readonly path: RemotePath }
  | { readonly kind: 'earlier'; readonly entity: BaseEntity }
  | {
      readonly kind: 'aside'
      readonly copy: RemoteEntry
      readonly path: RemotePath
      readonly current: RemoteEntry
    }

export interface Refused {
  readonly path: RemotePath
  readonly previous: BaseEntity
  readonly generation: Generation
  readonly attempts: readonly Attempt[]
  /** Nobody has heard whether the server has a copy at `path`. */
  readonly onUnheard: (path: RemotePath) => void
}

const compareStepBytes = 4 * 1024 ** 2
/** Names beside are tried in turn; so many conflicts in one minute are no conflict any more. */
const maxCopies = 100

/**
 * What is there instead of what was expected.
 * - `ours`: exactly these bytes
 * - `earlier`: an earlier attempt of ours, or nothing
 * - `theirs`: something of somebody else
 */
export interface Examined {
  readonly kind: 'ours' | 'earlier' | 'theirs'
  readonly entry: RemoteEntry
}

/** Finds out why an upload was refused. */
export async function examine(
  refused: Omit<Refused, 'onUnheard'>,
  transfer: Transfer,
  environment: WriteEnvironment,
): Promise<Examined> {
  const { path } = refused
  const comparison = { remote: environment.remote, transfer }
  const current = await environment.remote.info(path)
  transfer.checkCut()
  if (current.kind !== 'file') return { kind: 'theirs', entry: current }
  if (current.uploadSessionId !== undefined)
    throw new RemoteError('locked', `${path.join('/')}: another upload to it is running`, {
      holder: 'upload',
    })
  // What was refused is what is there: something passed by. Trying again at once could go on for ever.
  if ((current.entity ?? 'absent') === refused.previous)
    throw new RemoteError('conflict', `${path.join('/')}: it changed and changed back`)
  if (current.entity === undefined) return { kind: 'earlier', entry: current }
  return { kind: (await sentBefore(refused, current, comparison)) ?? 'theirs', entry: current }
}

/** Whether what the server has at `path`, `current`, was sent from here: as the content is now, or as it was before. */
export async function sentBefore(
  { path, generation, attempts }: Pick<Refused, 'path' | 'generation' | 'attempts'>,
  current: RemoteEntry,
  comparison: Comparison,
): Promise<'ours' | 'earlier' | undefined> {
  if (await isEqual(path, current, generation, comparison)) return 'ours'
  comparison.transfer.checkCut()
  return (await wasSent(path, current, attempts, comparison)) ? 'earlier' : undefined
}

/** Uploads beside, under the first name that is free; a copy that an attempt of ours left there counts as done. */
export async function saveAside(
  { path, generation, onUnheard }: Omit<Refused, 'previous' | 'attempts'>,
  current: RemoteEntry,
  transfer: Transfer,
  environment: WriteEnvironment,
): Promise<Resolution & { readonly kind: 'aside' }> {
  const { remote, hostName } = environment
  const maxBytes = remote.facts.maxFileNameBytes
  // On record: whoever goes on after us looks under the same name for what we have sent unheard.
  const atMs = generation.modifiedAtMs
  for (let attempt = 1; attempt <= maxCopies; attempt += 1) {
    const name = conflictName(path.at(-1) ?? '', { atMs, hostName, attempt, maxBytes })
    const beside = [...path.slice(0, -1), name]
    try {
      const copy = await transfer.send(beside, 'absent', generation)
      return { kind: 'aside', copy, path: beside, current }
    } catch (error) {
      if (mayHaveBeenDone(error)) onUnheard(beside)
      if (!isRemoteError(error, 'stale', 'exists')) throw error
    }
    const taken = await remote.info(beside)
    transfer.checkCut()
    if (await isEqual(beside, taken, generation, { remote, transfer }))
      return { kind: 'aside', copy: taken, path: beside, current }
  }
  throw new RemoteError('exists', `${path.join('/')}: there are ${maxCopies} conflict copies of this minute`)
}

export interface Comparison {
  readonly remote: Pick<WriteRemote, 'readRange'>
  readonly transfer: Pick<Transfer, 'checkCut'>
}

/** Compares bytes: equal contents have different entity ids (api/00-live-files §12). */
async function isEqual(
  path: RemotePath,
  entry: RemoteEntry,
  generation: Generation,
  comparison: Comparison,
): Promise<boolean> {
  if (generation.copyOf) return isCopy(entry, generation.copyOf)
  if (entry.kind !== 'file' || entry.sizeBytes !== generation.sizeBytes || !generation.isComplete)
    return false
  let position = 0
  for await (const theirs of contentOf(path, entry, comparison)) {
    const ours = await generation.read(position, position + theirs.length)
    if (Buffer.compare(ours, theirs) !== 0) return false
    position += theirs.length
  }
  return position === generation.sizeBytes
}

/** What the server has at `path` is one of `attempts`. */
export async function wasSent(
  path: RemotePath,
  entry: RemoteEntry,
  attempts: readonly Attempt[],
  comparison: Comparison,
): Promise<boolean> {
  if (entry.kind !== 'file') return false
  if (wasCopied(entry, attempts)) return true
  const candidates = attempts.flatMap((attempt) =>
    'digest' in attempt && attempt.sizeBytes === entry.sizeBytes ? [attempt.digest] : [],
  )
  if (candidates.length === 0) return false
  const hash = createHash('sha256')
  for await (const bytes of contentOf(path, entry, comparison)) hash.update(bytes)
  return candidates.includes(hash.digest('hex'))
}

/** It is one of `attempts` that the server has copied: with the attributes of the original. */
export function wasCopied(entry: RemoteEntry, attempts: readonly Attempt[]): boolean {
  return attempts.some((attempt) => 'entity' in attempt && isCopy(entry, attempt))
}

/** The original itself, which somebody has moved, is none. */
function isCopy({ kind, id, entity: present }: RemoteEntry, { entity, lender }: WholeCopy): boolean {
  return kind === 'file' && present === entity && id !== lender
}

/** Step by step, so that an upload that is cut need not wait for all of it. */
async function* contentOf(
  path: RemotePath,
  { entity, sizeBytes }: RemoteEntry,
  { remote, transfer }: Comparison,
): AsyncGenerator<Uint8Array> {
  if (entity === undefined) return
  for (let start = 0; start < sizeBytes; start += compareStepBytes) {
    transfer.checkCut()
    const end = Math.min(sizeBytes, start + compareStepBytes)
    yield await remote.readRange({ path: () => path, entity, sizeBytes }, { start, end })
  }
}
