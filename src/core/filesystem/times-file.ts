/**
 * The times of `LocalTimes` on disk. docs/formats/times.md
 *
 * Losing the file loses nothing but exact times that no program has chosen: a chosen one is at the server too. So what is appended is not
 * written through to the disk, trouble with it stops nobody, and a newer version of the file, which is left as it is, keeps no drive from
 * being opened.
 */
import type { FileLayer, LocalFile } from '../../base/file-layer.ts'
import type { Log } from '../../base/log.ts'
import type { Timespec } from '../../base/timespec.ts'
import type { TimesStore } from './local-times.ts'

const header = JSON.stringify({ format: 'cloudreve-mount times', version: 1 })
const maxEntries = 100_000

interface TimesFileParts {
  readonly layer: FileLayer
  readonly log: Log
}

export class TimesFile implements TimesStore {
  readonly #path: string
  readonly #layer: FileLayer
  readonly #log: Log
  /** Another version's: nothing is written to it. */
  #isForeign = false
  #queue: string[] = []
  #writing: Promise<void> | undefined
  #file: LocalFile | undefined

  private constructor(path: string, { layer, log }: TimesFileParts) {
    this.#path = path
    this.#layer = layer
    this.#log = log
  }

  static async open(
    path: string,
    parts: TimesFileParts,
  ): Promise<{ file: TimesFile; known: [string, Timespec][] }> {
    const { layer, log } = parts
    const file = new TimesFile(path, parts)
    const text = (await layer.exists(path)) ? (await layer.readWhole(path)).toString() : ''
    const lines = text.split('\n')
    if (lines[0] !== '' && lines[0] !== header) {
      log.warn('the file of times has an unknown format: exact times are not kept', { path })
      file.#isForeign = true
      return { file, known: [] }
    }
    const known = new Map(lines.slice(1).flatMap(parseLine))
    if (!text.endsWith('\n') || lines.length > 2 * known.size + 1000) await file.#rewrite(known)
    return { file, known: [...known] }
  }

  append(content: string, { seconds, nanoseconds }: Timespec): void {
    if (this.#isForeign) return
    this.#queue.push(JSON.stringify([content, seconds, nanoseconds]))
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#file?.close()
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0) {
      const lines = this.#queue
      this.#queue = []
      try {
        await this.#append(`${lines.join('\n')}\n`)
      } catch (error) {
        this.#log.warn('exact times could not be kept', { path: this.#path, error: String(error) })
      }
    }
  }

  async #append(text: string): Promise<void> {
    this.#file ??= await this.#layer.open(this.#path, 'append')
    await this.#file.append(Buffer.from(text))
  }

  async #rewrite(known: ReadonlyMap<string, Timespec>): Promise<void> {
    const newest = [...known].slice(-maxEntries)
    const lines = newest.map(([content, time]) => JSON.stringify([content, time.seconds, time.nanoseconds]))
    await this.#layer.replace(this.#path, `${[header, ...lines].join('\n')}\n`, true)
  }
}

function parseLine(line: string): [string, Timespec][] {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return [] // torn by a crash
  }
  if (!Array.isArray(value) || value.length !== 3) return []
  const [content, seconds, nanoseconds] = value as unknown[]
  if (typeof content !== 'string' || !Number.isSafeInteger(seconds) || !Number.isSafeInteger(nanoseconds))
    return []
  return [[content, { seconds: seconds as number, nanoseconds: nanoseconds as number }]]
}
