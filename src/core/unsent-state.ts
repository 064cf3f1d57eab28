/** What a drive has in its state folder of what programs were told, and the server does not have yet. */
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { FileLayer } from '../base/file-layer.ts'
import type { Log } from '../base/log.ts'
import { EndingRecords, sortRecords, stagedIdsOf, type SortedRecords } from './filesystem/index.ts'
import { InlineLayer, type InlineLimits } from './inline/index.ts'
import { Journal, readRecords } from './journal/index.ts'
import type { WriteBackOptions } from './write/index.ts'

/**
 * How many files and folders the last process with this state folder left that are not at the server as programs were told. Changes
 * nothing, and asks nobody.
 *
 * @throws {JournalVersionError}
 */
export async function countLeftChanges(stateFolder: string): Promise<number> {
  return sortRecords(await readRecords(journalFolder(stateFolder))).records.size
}

function journalFolder(stateFolder: string): string {
  return join(stateFolder, 'journal')
}

export function stagingFolder(stateFolder: string): string {
  return join(stateFolder, 'staging')
}

interface StagingOptions {
  readonly stateFolder: string
  readonly clock: Clock
  readonly log: Log
  readonly inlineLimits?: InlineLimits | undefined
}

export function openStaging(
  { stateFolder, clock, log, inlineLimits: limits }: StagingOptions,
  layer: FileLayer,
): Promise<InlineLayer> {
  const folders = { folder: stagingFolder(stateFolder), logFolder: join(stateFolder, 'inline') }
  return InlineLayer.open({ ...folders, layer, log, now: () => clock.now(), limits })
}

interface FoundJournal extends Pick<SortedRecords, 'records' | 'unsettled' | 'isAsked'> {
  readonly journal: Journal
  /** For the write path. */
  readonly left: Pick<WriteBackOptions, 'claimed' | 'gone' | 'endings'>
}

/** What earlier processes promised and did not send. */
export async function openJournal(
  stateFolder: string,
  { layer, log }: { readonly layer: FileLayer; readonly log: Log },
): Promise<FoundJournal> {
  const folder = journalFolder(stateFolder)
  await layer.makeFolder(folder)
  const { journal, entries } = await Journal.open({ folder, layer, log })
  const { records, gone, unsettled, endings, isAsked } = sortRecords(entries)
  const left = { claimed: stagedIdsOf(records), gone, endings: new EndingRecords(journal, endings) }
  return { journal, records, unsettled, isAsked, left }
}
