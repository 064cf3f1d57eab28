/** `pins.json` in the state folder of a drive: what a person wants to have on this machine. docs/formats/pins.md */
import { messageOf } from '../../base/error-message.ts'
import type { FileLayer } from '../../base/file-layer.ts'
import type { Log } from '../../base/log.ts'
import type { FileId, RemotePath } from '../../remote/types.ts'

/** As it is on record. */
export interface PinRecord {
  /** Wherever it is moved to, it is meant. */
  readonly id: FileId
  /** Where the server had it last: what is there is meant when nothing has the id any more. */
  readonly path: RemotePath
  /** Of all files in it, as far as is known. */
  readonly bytes: number
  /** Hashes of the contents that are to stay in the disk cache for it. */
  readonly contents: readonly string[]
}

const format = 'cloudreve-mount pins'
const version = 1

export class PinsFile {
  readonly #path: string
  readonly #layer: FileLayer
  #saving: Promise<void> = Promise.resolve()

  private constructor(path: string, layer: FileLayer) {
    this.#path = path
    this.#layer = layer
  }

  /** @throws a sentence when a newer version has written it, or what the disk says */
  static async open(
    path: string,
    { layer, log }: { readonly layer: FileLayer; readonly log: Log },
  ): Promise<{ file: PinsFile; records: readonly PinRecord[] }> {
    const file = new PinsFile(path, layer)
    if (!(await layer.exists(path))) return { file, records: [] }
    const text = (await layer.readWhole(path)).toString()
    const found = parse(text)
    if (typeof found !== 'string') return { file, records: found }
    const aside = `${path}.damaged`
    await layer.rename(path, aside)
    log.error('what is to stay on this machine is not known any more: pin it again', { aside, reason: found })
    return { file, records: [] }
  }

  /** Replaces all of it; survives power loss. */
  save(records: readonly PinRecord[]): Promise<void> {
    const text = `${JSON.stringify({ format, version, pins: records })}\n`
    this.#saving = this.#saving
      .catch(() => undefined) // told to whoever asked for that
      .then(() => this.#layer.replace(this.#path, text, true))
    return this.#saving
  }

  async close(): Promise<void> {
    await this.#saving.catch(() => undefined) // told to whoever asked for it
  }
}

/** A word of what is wrong with it, where something is. @throws when it is of a newer version */
function parse(text: string): readonly PinRecord[] | string {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch (error) {
    return messageOf(error)
  }
  const { format: foundFormat, version: foundVersion, pins } = (found ?? {}) as Record<string, unknown>
  if (foundFormat !== format || typeof foundVersion !== 'number') return 'it is something else'
  if (foundVersion > version)
    throw new Error(
      'what is pinned was recorded by a newer version of cloudreve-mount: use that version, or remove pins.json',
    )
  return Array.isArray(pins) && pins.every(isRecord) ? pins : 'some of it is missing'
}

function isRecord(value: unknown): value is PinRecord {
  const { id, path, bytes, contents } = (value ?? {}) as Record<string, unknown>
  return typeof id === 'string' && isStrings(path) && typeof bytes === 'number' && isStrings(contents)
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}
