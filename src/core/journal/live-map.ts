import type { JournalChange, JournalValue } from './values.ts'

/** Characters of a base's frame, about: little is lost with one that is damaged, and its checksum costs nothing beside it. */
const basePayloadLength = 64 * 1024

/** What counts now: each key with its value as JSON. Values are kept in no other form. */
export class LiveMap {
  readonly #values = new Map<string, string>()
  #sizeBytes = 0

  /** What the keys and values would take in a file, in bytes. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  apply(payload: string): void {
    for (const [key, value] of parsePayload(payload)) {
      this.#forget(key)
      if (value === undefined) continue
      const text = JSON.stringify(value)
      this.#values.set(key, text)
      this.#sizeBytes += sizeOf(key, text)
    }
  }

  entries(): ReadonlyMap<string, JournalValue> {
    return new Map([...this.#values].map(([key, text]) => [key, JSON.parse(text) as JournalValue]))
  }

  /** Everything, as changes to nothing. */
  *payloads(): Generator<string> {
    let parts: string[] = []
    let length = 0
    for (const [key, text] of this.#values) {
      const part = `[${JSON.stringify(key)},${text}]`
      parts.push(part)
      length += part.length
      if (length < basePayloadLength) continue
      yield `[${parts.join()}]`
      parts = []
      length = 0
    }
    if (parts.length > 0) yield `[${parts.join()}]`
  }

  #forget(key: string): void {
    const text = this.#values.get(key)
    if (text === undefined) return
    this.#values.delete(key)
    this.#sizeBytes -= sizeOf(key, text)
  }
}

/** `[[key, value], [deleted key], …]` in one line. */
export function formatPayload(changes: readonly JournalChange[]): string {
  return JSON.stringify(changes.map(({ key, value }) => (value === undefined ? [key] : [key, value])))
}

function parsePayload(payload: string): readonly (readonly [key: string, value?: JournalValue])[] {
  return JSON.parse(payload) as [string, JournalValue?][]
}

function sizeOf(key: string, text: string): number {
  const brackets = 6
  return Buffer.byteLength(key) + Buffer.byteLength(text) + brackets
}
