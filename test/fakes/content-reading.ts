import { silentLog } from '../../src/base/log.ts'
import {
  ContentReaders,
  MemoryBudget,
  type ContentReader,
  type ReadOptions,
} from '../../src/core/read/index.ts'
import { ContentRemote } from './content-remote.ts'
import { ManualClock } from './manual-clock.ts'

export const KIB = 1024
export const MIB = 1024 * KIB

/** Readers over contents in memory, with time that stands still and delays without chance. */
export function readingSetup(
  setup: { limitBytes?: number; options?: Partial<ReadOptions>; bytesPerSecond?: number } = {},
) {
  const { limitBytes = 256 * MIB, options = {}, bytesPerSecond = 0 } = setup
  const remote = new ContentRemote()
  const clock = new ManualClock()
  const budget = new MemoryBudget(limitBytes)
  const deps = { remote, budget, clock, log: silentLog, bytesPerSecond: () => bytesPerSecond }
  const readers = new ContentReaders({ ...deps, options: { random: () => 0, ...options } })
  return { remote, clock, budget, readers }
}

/** Reads a whole content from start to end. */
export async function readThrough(reader: ContentReader, stepBytes: number): Promise<void> {
  for (let at = 0; at < reader.content.sizeBytes; at += stepBytes) await reader.read(at, stepBytes)
}
