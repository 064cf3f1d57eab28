import { basename, join } from 'node:path'
import type { ByteRange } from '../../base/ranges.ts'
import type { Log } from '../../base/log.ts'
import type { EndableSession } from '../../remote/remote.ts'
import type { EntityId } from '../../remote/types.ts'
import { localMinute, splitName } from './conflict-name.ts'
import type { FileLayer, LocalFile } from '../../base/file-layer.ts'
import { writeAll } from './generation.ts'
import { parseSideCar, type SideCar } from './side-car.ts'

/** A change that a dead process left behind: what is known about it. */
export interface LostFile {
  /** Absolute local path of the saved bytes. */
  readonly storedAt: string
  /** Path under which the person knew the file. */
  readonly label: string
  readonly uri: string
  /** Content that the change was made to; `'absent'`: the file was new. */
  readonly base: EntityId | 'absent'
  readonly sizeBytes: number
  /** False: parts that were not changed are missing (zeros here) and only in `base` at the server. */
  readonly isComplete: boolean
  /** What was changed here, `[start, end)` in bytes. */
  readonly writtenRanges: readonly (readonly [start: number, end: number])[]
  readonly modifiedAtMs: number
  readonly foundAtMs: number
  /** False: power was lost before all of it was on the disk; outside of `certainRanges` there may be zeros or older bytes. */
  readonly isCertain: boolean
  /** What was on the disk, and not written to again, `[start, end)` in bytes. */
  readonly certainRanges: readonly (readonly [start: number, end: number])[]
}

/** When a start looks for what is left of an earlier one. */
interface Now {
  readonly atMs: number
  readonly bootId: string
}

export interface CollectOptions {
  readonly now: Now
  /** Ids that stay. */
  readonly notLost?: ReadonlySet<string>
  /** As `StagingStoreOptions.recordEnding`. */
  readonly recordEnding: (session: EndableSession, label: string) => Promise<void>
}

const aboutSuffix = '.about.json'

/**
 * Where the staged files of a dead process go: readable names, each beside a file that says what it is. Nothing in here is
 * ever removed by us.
 */
export class LostAndFound {
  readonly #folder: string
  readonly #layer: FileLayer
  readonly #log: Log

  constructor(folder: string, layer: FileLayer, log: Log) {
    this.#folder = folder
    this.#layer = layer
    this.#log = log
  }

  /** Everything that lies there, from this start and earlier ones. */
  async list(): Promise<readonly LostFile[]> {
    const names = await this.#layer.list(this.#folder)
    const abouts = names.filter((name) => name.endsWith(aboutSuffix)).sort()
    const files: LostFile[] = []
    for (const name of abouts) {
      const about = JSON.parse((await this.#layer.readWhole(join(this.#folder, name))).toString()) as LostFile
      if (await this.#layer.exists(about.storedAt)) files.push(about)
    }
    return files
  }

  /**
   * Takes what a dead process left in `stagingFolder` out of it. What cannot be understood stays where it is, and the log says so.
   */
  async collect(stagingFolder: string, options: CollectOptions): Promise<void> {
    const { notLost = new Set() } = options
    const names = (await this.#layer.list(stagingFolder)).filter((name) => !isOf(notLost, name))
    for (const name of names.filter((name) => name.endsWith('.side')).sort()) {
      const id = basename(name, '.side')
      try {
        await this.#collectOne(stagingFolder, id, options)
      } catch (error) {
        this.#log.error('a staged file of an earlier run could not be moved to lost+found; it stays', {
          file: join(stagingFolder, name),
          error,
        })
      }
    }
    for (const name of names.filter((name) => isRubble(name, names)))
      await this.#layer.remove(join(stagingFolder, name))
  }

  async #collectOne(stagingFolder: string, id: string, { now, recordEnding }: CollectOptions): Promise<void> {
    const sidePath = join(stagingFolder, `${id}.side`)
    const dataPath = join(stagingFolder, `${id}.data`)
    const sideCar = parseSideCar((await this.#layer.readWhole(sidePath)).toString(), now.bootId)
    if (sideCar.session) await recordEnding(sideCar.session, sideCar.label)
    if (sideCar.uri === undefined || hasNothing(sideCar) || !(await this.#layer.exists(dataPath))) {
      // Deleted while it was open, so nobody could reach it any more; nothing was acknowledged yet; or an earlier start moved the
      // data and came no further.
      await this.#layer.remove(sidePath)
      await this.#layer.remove(dataPath)
      return
    }
    await this.#shapeData(dataPath, sideCar)
    await this.#layer.makeFolder(this.#folder)
    const storedAt = await this.#freePath(sideCar.label, sideCar.modifiedAtMs)
    const about: LostFile = {
      storedAt,
      label: sideCar.label,
      uri: sideCar.uri,
      base: sideCar.base,
      sizeBytes: sideCar.extents.sizeBytes,
      isComplete: sideCar.extents.isComplete,
      writtenRanges: sideCar.extents.toRecord().written,
      modifiedAtMs: sideCar.modifiedAtMs,
      foundAtMs: now.atMs,
      isCertain: !sideCar.isCut,
      certainRanges: sideCar.trusted?.toRecord().written ?? [],
    }
    // In this order an interruption at any point leaves something that the next start finds again.
    await this.#layer.replace(`${storedAt}${aboutSuffix}`, `${JSON.stringify(about, undefined, 2)}\n`, true)
    await this.#layer.rename(dataPath, storedAt)
    await this.#layer.syncFolder(this.#folder)
    await this.#layer.remove(sidePath)
  }

  /** Makes the data file read as the content does: its size, and zeros where there are holes. */
  async #shapeData(path: string, { extents, hasStaleBytes }: SideCar): Promise<void> {
    const file = await this.#layer.open(path, 'use')
    try {
      const holes = { start: 0, end: await file.sizeBytes() }
      if (hasStaleBytes) for (const hole of extents.zeros.present(holes)) await clear(file, hole)
      await file.truncate(extents.sizeBytes)
      await file.datasync()
    } finally {
      await file.close()
    }
  }

  /** `report (2026-11-23 14.03).odt`, with a number when that is taken. */
  async #freePath(label: string, modifiedAtMs: number): Promise<string> {
    const { stem, extension } = splitName(basename(label) || 'file')
    for (let number = 1; ; number += 1) {
      const mark = ` (${localMinute(modifiedAtMs)}${number > 1 ? ` ${number}` : ''})`
      const path = join(this.#folder, `${stem.slice(0, 60)}${mark}${extension}`)
      if (!(await this.#layer.exists(path)) && !(await this.#layer.exists(`${path}${aboutSuffix}`)))
        return path
    }
  }
}

/** Its kept bytes and its unfinished head are of no use even then. */
function isOf(ids: ReadonlySet<string>, name: string): boolean {
  return /\.(side|data)$/.test(name) && ids.has(name.slice(0, -'.side'.length))
}

/** Its first change was not acknowledged. */
function hasNothing({ extents, baseSizeBytes, lender }: SideCar): boolean {
  const { written, zeros, sizeBytes } = extents
  return (
    lender === undefined &&
    written.ranges.length === 0 &&
    zeros.ranges.length === 0 &&
    sizeBytes === baseSizeBytes
  )
}

/**
 * What is left of files that were not there yet, or not any more, when the process died. Nothing that a program was told is written is in
 * data without a side-car, by the order of our steps:
 * - a staged file is made with its side-car, and takes its first byte after that (`StagedFile.create`)
 * - it is removed with its side-car first, after what is on record says that nobody needs it (`StagedFile.remove`, `StagedRemovals`)
 * - power loss may take a side-car whose folder was not synced; before the first fsync or close returns it is (`SideCarFile`), and
 *   bytes without one are not promised to survive that.
 * To keep it instead would fill lost+found with what is at the server, whenever a process dies between the two steps of removing.
 */
function isRubble(name: string, names: readonly string[]): boolean {
  const isOrphan = name.endsWith('.data') && !names.includes(`${basename(name, '.data')}.side`)
  return isOrphan || /\.(kept|tmp)$/.test(name)
}

async function clear(file: LocalFile, { start, end }: ByteRange): Promise<void> {
  for (let at = start; at < end; at += 1024 ** 2) {
    await writeAll(file, new Uint8Array(Math.min(1024 ** 2, end - at)), at)
  }
}
