/**
 * The times of `LocalTimes` on disk: JSON lines `[content, seconds, nanoseconds]` after a header line, appended as they come and
 * rewritten when most lines are outdated. A torn last line, as a crash leaves it, is passed over. Losing the file loses
 * nothing but exact times.
 */
import { appendFile, readFile } from 'node:fs/promises'
import { writeFileAtomic } from '../../base/atomic-file.ts'
import type { Log } from '../../base/log.ts'
import type { Timespec } from '../../base/timespec.ts'
import type { TimesStore } from './local-times.ts'

const header = JSON.stringify({ format: 'cloudreve-mount times', version: 1 })
const maxEntries = 100_000

export class TimesFile implements TimesStore {
  readonly #path: string
  readonly #log: Log
  #queue: string[] = []
  #writing: Promise<void> | undefined

  private constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
  }

  static async open(path: string, log: Log): Promise<{ file: TimesFile; known: [string, Timespec][] }> {
    const file = new TimesFile(path, log)
    const text = await readOrEmpty(path)
    const lines = text.split('\n')
    if (lines[0] !== '' && lines[0] !== header) {
      log.warn('the file of times has an unknown format: exact times are not kept', { path })
      return { file: new TimesFile('/dev/null', log), known: [] }
    }
    const known = new Map(lines.slice(1).flatMap(parseLine))
    if (!text.endsWith('\n') || lines.length > 2 * known.size + 1000) await file.#rewrite(known)
    return { file, known: [...known] }
  }

  append(content: string, { seconds, nanoseconds }: Timespec): void {
    this.#queue.push(JSON.stringify([content, seconds, nanoseconds]))
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  async close(): Promise<void> {
    await this.#writing
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0) {
      const lines = this.#queue
      this.#queue = []
      try {
        await appendFile(this.#path, `${lines.join('\n')}\n`, { mode: 0o600 })
      } catch (error) {
        this.#log.warn('exact times could not be kept', { path: this.#path, error: String(error) })
      }
    }
  }

  async #rewrite(known: ReadonlyMap<string, Timespec>): Promise<void> {
    const newest = [...known].slice(-maxEntries)
    const lines = newest.map(([content, time]) => JSON.stringify([content, time.seconds, time.nanoseconds]))
    await writeFileAtomic(this.#path, `${[header, ...lines].join('\n')}\n`)
  }
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
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
