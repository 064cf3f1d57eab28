/** What a mount answers over its control socket about its drive, and how it sends what is left when it ends. */
import { withoutPassword } from '../api/uri.ts'
import {
  collectActivities,
  countOf,
  describeActivity,
  type Drive,
  type DriveFolder,
  type DriveProgress,
  type FileSystem,
  type PendingChange,
} from '../core/index.ts'
import type { FuseDriver } from '../fuse/driver.ts'
import type { Remote } from '../remote/remote.ts'
import type { DrainResult } from './composition.ts'
import type {
  ActivitiesResult,
  ActivitiesParams,
  CacheResult,
  ChangesStatus,
  DriveStatus,
  PendingProgress,
  PendingResult,
  UploadStatus,
} from './control-results.ts'
import { contentFolder, type AccountCache } from './account-cache.ts'
import type { DriveMirror } from './drive-mirror.ts'
import { fileQuestions, missingFile } from './file-questions.ts'
import { pinQuestions } from './pin-questions.ts'
import { countsOf, fileIn, uploadQuestions } from './upload-questions.ts'
import type { ControlMethods, Json, MountSpec } from './spec.ts'
import type { AskedLimits } from './transfer-limits.ts'

export interface DriveQuestionParts {
  readonly drive: Drive
  /** What the mount shows of it. */
  readonly folder: DriveFolder
  readonly fileSystem: FileSystem
  readonly remote: Remote
  readonly spec: MountSpec
  readonly driver: FuseDriver
  /** Of the account; undefined: nothing is kept. */
  readonly cache: AccountCache | undefined
  /** The account's, for what is disposable. */
  readonly cacheFolder: string
  /** Of the drive; undefined: nothing is kept. */
  readonly mirror: DriveMirror | undefined
  /** In effect now. */
  readonly limits: () => AskedLimits
}

export function driveQuestions(parts: DriveQuestionParts): ControlMethods {
  const { folder, fileSystem, spec } = parts
  return {
    ...fileQuestions({
      fileSystem,
      mountpoint: spec.mountpoint,
      settle: async (names, signal) => void (await folder.view(names, signal)),
      activities: (names, query, signal) => activitiesOf(parts, names, { ...query, signal }),
    }),
    ...cacheQuestions(parts),
    ...pinQuestions({ folder, mountpoint: spec.mountpoint }),
    ...uploadQuestions({ folder, mountpoint: spec.mountpoint }),
    status: async () => asJson(statusOf(parts)),
    flush: async ({ progress, signal }) => {
      const left = await folder.drain({ onProgress: tellPending(progress), signal })
      const { files, others } = countsOf(left)
      const result: PendingResult = { leftFiles: files, leftOthers: others }
      return asJson(result)
    },
  }
}

function cacheQuestions({ cache, cacheFolder, mirror, folder, spec }: DriveQuestionParts): ControlMethods {
  const usage = async (): Promise<CacheResult> => {
    const { usedBytes = 0, limitBytes = 0 } = (await cache?.cache.usage()) ?? {}
    const mirrorBytes = mirror?.mirror.usage.usedBytes ?? 0
    return { folder: contentFolder(cacheFolder), usedBytes, limitBytes, mirrorBytes }
  }
  return {
    cache: async () => asJson(await usage()),
    clearCache: async ({ params, signal }) => {
      if (params !== null) {
        const { names } = fileIn(spec.mountpoint, params)
        const bytes = await folder.clearCached(names, signal).catch((error: unknown) => {
          throw missingFile(error, params)
        })
        return { bytes }
      }
      const { mirrorBytes } = await usage()
      const bytes = (await cache?.cache.clear()) ?? 0
      await mirror?.mirror.clear()
      return { bytes: bytes + mirrorBytes }
    },
  }
}

/** Progress events are `PendingProgress`. */
export async function drainFolder(
  folder: DriveFolder,
  onProgress: (event: Json) => void,
  signal: AbortSignal,
): Promise<DrainResult> {
  try {
    await folder.drain({ onProgress: tellPending(onProgress), signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
  const left = folder.isReadOnly ? [] : folder.pending()
  const [first] = left
  const reason = first ? `${first.label}: ${first.state.detail ?? `${first.kind} not sent yet`}` : ''
  return { left: countOf(left), reason }
}

function tellPending(onProgress: (event: Json) => void): (progress: DriveProgress) => void {
  let mostBytes = 0
  return ({ files, others, totalBytes, sentBytes, trouble = null }) => {
    const leftBytes = totalBytes - sentBytes
    mostBytes = Math.max(mostBytes, leftBytes)
    const event: PendingProgress = { files, others, leftBytes, sentBytes: mostBytes - leftBytes, trouble }
    onProgress(asJson(event))
  }
}

async function activitiesOf(
  { folder, remote }: DriveQuestionParts,
  names: readonly string[],
  query: Pick<ActivitiesParams, 'filter' | 'limit'> & { signal: AbortSignal },
): Promise<ActivitiesResult> {
  const { filter, limit, signal } = query
  const { path } = await folder.view(names, signal)
  const options = { filter, signal, ...(limit === null ? {} : { limit }) }
  const { activities, derived } = await collectActivities(remote, path, options)
  const entries = activities.map((activity) => ({
    id: activity.id,
    at: activity.atMs,
    who: activity.user?.nickname ?? null,
    what: describeActivity(activity, { derived }).what,
    category: activity.category,
    version: activity.version ?? null,
  }))
  return { derived, entries }
}

function statusOf({ drive, folder, spec, driver, limits }: DriveQuestionParts): DriveStatus {
  const { mountpoint, rootUri, readOnly } = spec
  const pending = folder.pending()
  const uploads = [...pending, ...folder.refused()].map((change) => changeStatus(mountpoint, change))
  return {
    rootUri: withoutPassword(rootUri),
    readOnly,
    driver: driver.name,
    limits: limits(),
    changes: changesStatus(drive.following),
    serverTrouble:
      drive.serverTrouble ?? pending.find(({ state }) => state.state === 'retrying')?.state.detail ?? null,
    versionLoss: drive.versionLoss ?? null,
    uploads,
    lostAndFound: drive.writeBack.lostAndFound.map(({ storedAt }) => storedAt),
  }
}

function changesStatus(following: Drive['following']): ChangesStatus {
  return {
    state: following.kind,
    since: following.kind === 'live' ? following.sinceMs : null,
    everyMs: following.kind === 'polling' ? following.everyMs : null,
    reason: following.kind === 'live' ? null : following.reason,
  }
}

function changeStatus(mountpoint: string, change: PendingChange): UploadStatus {
  const { label, kind, from, count, state, sizeBytes, sentBytes } = change
  return {
    path: `${mountpoint}${label}`,
    kind,
    from: from === undefined ? null : `${mountpoint}${from}`,
    count,
    state: uploadState(state.state),
    sizeBytes,
    sentBytes,
    reason: state.detail ?? null,
  }
}

function uploadState(state: string): UploadStatus['state'] {
  if (state === 'uploading') return 'uploading'
  return state === 'failed' ? 'parked' : 'waiting'
}

function asJson(value: object): Json {
  return value as unknown as Json
}
