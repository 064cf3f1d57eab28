import type { FileLayer, LocalFile } from '../../base/file-layer.ts'
import type { Log } from '../../base/log.ts'
import { formatFrame, formatHeader } from './frame.ts'

/**
 * The file that a journal appends to: first the state at its beginning (its base), then a frame a change. Once the file may
 * hold bytes that nobody wrote whole, or may have lost some, it takes no more (`isUsable`), and the journal writes a new one.
 */
export class Segment {
  readonly path: string
  readonly number: number
  readonly #file: LocalFile
  readonly #log: Log
  #sizeBytes: number
  #frames: number
  /** So many frames are on the disk. */
  #durable: number
  #isUsable = true

  private constructor(
    place: { readonly path: string; readonly number: number; readonly log: Log },
    file: LocalFile,
    filled: { readonly sizeBytes: number; readonly frames: number },
  ) {
    this.path = place.path
    this.number = place.number
    this.#log = place.log
    this.#file = file
    this.#sizeBytes = filled.sizeBytes
    this.#frames = filled.frames
    this.#durable = filled.frames
  }

  /** Goes on with a segment of which `filled` counts; what lies behind is cut off. */
  static async resume(
    place: SegmentPlace,
    filled: { readonly sizeBytes: number; readonly frames: number },
  ): Promise<Segment> {
    const path = `${place.folder}/${segmentName(place.number)}`
    const file = await place.layer.open(path, 'append')
    try {
      await file.truncate(filled.sizeBytes)
      // Frames that follow call the ones before them durable; and what was cut off must not come back below them.
      await file.datasync()
    } catch (error) {
      await file.close()
      throw error
    }
    return new Segment({ ...place, path }, file, filled)
  }

  /** A new segment with `payloads` as its base, durable except for its name. */
  static async create(place: SegmentPlace, payloads: Iterable<string>): Promise<Segment> {
    const { layer } = place
    const path = `${place.folder}/${segmentName(place.number)}`
    const temporary = `${path}.tmp`
    await layer.remove(temporary)
    const file = await layer.open(temporary, 'append')
    try {
      const filled = await writeBase(file, [...payloads])
      await file.datasync()
      await layer.rename(temporary, path)
      return new Segment({ ...place, path }, file, filled)
    } catch (error) {
      await file.close()
      await layer.remove(temporary)
      throw error
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get isUsable(): boolean {
    return this.#isUsable
  }

  /** All payloads, or none, each as a frame. In the file means: they survive the end of this process. */
  async append(payloads: readonly string[]): Promise<void> {
    const frames = payloads.map((payload, index) =>
      formatFrame({ number: this.#frames + index, durable: this.#durable, payload }),
    )
    const bytes = Buffer.concat(frames)
    try {
      await this.#file.append(bytes)
    } catch (error) {
      await this.#cutBack()
      throw error
    }
    this.#sizeBytes += bytes.length
    this.#frames += payloads.length
  }

  /** All that is in the file now is on the disk. */
  async datasync(): Promise<void> {
    const frames = this.#frames
    if (frames === this.#durable) return
    try {
      await this.#file.datasync()
    } catch (error) {
      // The kernel may have dropped what it could not write, and would call a second try a success.
      this.#isUsable = false
      throw error
    }
    this.#durable = Math.max(this.#durable, frames)
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /** Removes what a failed write left, for good: were the next frames as long, its rest would look like those after them. */
  async #cutBack(): Promise<void> {
    try {
      await this.#file.truncate(this.#sizeBytes)
      await this.#file.datasync()
      this.#durable = this.#frames
    } catch (error) {
      this.#isUsable = false
      this.#log.warn('a failed write could not be taken back from the journal; it goes on in a new file', {
        file: this.path,
        error,
      })
    }
  }
}

export interface SegmentPlace {
  readonly layer: FileLayer
  readonly log: Log
  readonly folder: string
  readonly number: number
}

export function segmentName(number: number): string {
  return `journal-${number}.log`
}

/** Bytes that go out in one write when a base is written. */
const writeStepBytes = 1024 ** 2

async function writeBase(file: LocalFile, payloads: readonly string[]) {
  const frames = payloads.length
  let step: Buffer[] = [Buffer.from(formatHeader(frames))]
  let stepBytes = 0
  let sizeBytes = 0
  const flush = async () => {
    const bytes = Buffer.concat(step)
    await file.append(bytes)
    sizeBytes += bytes.length
    step = []
    stepBytes = 0
  }
  for (const [number, payload] of payloads.entries()) {
    const frame = formatFrame({ number, durable: frames, payload })
    step.push(frame)
    stepBytes += frame.length
    if (stepBytes >= writeStepBytes) await flush()
  }
  await flush()
  return { sizeBytes, frames }
}
