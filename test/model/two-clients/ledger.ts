import type { ClientName } from './operations.ts'

/**
 * What both clients were told is kept. A content is whole and unlike every other: a sequence of words, each written once. It is
 * owed from the moment its write returned until a program overwrites or deletes it *knowing it*; then it may be gone, and
 * need not be.
 */
export class Ledger {
  readonly #owed = new Map<string, string>()
  readonly #known = new Set<string>([''])
  /** Who has put a content together, of whatever words. */
  readonly #writers = new Map<string, ClientName>()
  readonly #copied = new Set<string>()
  /** Contents that are a part of another one, changed. */
  readonly #basedOn = new Map<string, string>()
  #words = 0

  /** The next word, as long as every other. */
  word(client: ClientName): string {
    this.#words += 1
    return `${client}${String(this.#words).padStart(5, '0')};`
  }

  /** It is on the drive; `how` is said when it is missed. */
  wrote(content: string, how: string, by?: ClientName): void {
    this.#known.add(content)
    if (by) this.#writers.set(content, by)
    if (content !== '') this.#owed.set(content, how)
  }

  /** The same of what has a part of `base`, which need not be on the machine that changes it. */
  changed(base: string, content: string, how: string, by: ClientName): void {
    this.wrote(content, how, by)
    this.#basedOn.set(content, base)
  }

  /** A client could not send what it had changed: somebody has deleted for good what it was a part of. */
  basesLost(client: ClientName): void {
    for (const [content, base] of this.#basedOn)
      if (this.isBy(content, client) && !this.#owed.has(base)) this.gaveUp(content)
  }

  isBy(content: string, client: ClientName): boolean {
    return this.#writers.get(content) === client
  }

  /** Somebody who knew the content overwrote or deleted it. */
  gaveUp(content: string): void {
    this.#owed.delete(content)
  }

  /** The content was copied, or renamed over another file: somebody else may keep the file that it was of. */
  mayBeTwice(content: string): void {
    this.#copied.add(content)
  }

  /** Sentences about what is wrong, of the contents that can be found at last, with their paths. `trash`: what can be had from there. */
  judge(found: ReadonlyMap<string, string>, trash: ReadonlySet<string>): string[] {
    const complaints: string[] = []
    const byContent = new Map<string, string[]>()
    for (const [path, content] of found) {
      if (!this.#known.has(content)) complaints.push(`${path} has "${content}", which nobody wrote`)
      byContent.set(content, [...(byContent.get(content) ?? []), path])
    }
    for (const [content, how] of this.#owed)
      if (!byContent.has(content) && !trash.has(content)) complaints.push(`"${content}" is nowhere: ${how}`)
    for (const [content, paths] of byContent)
      if (content !== '' && paths.length > 1 && !this.#copied.has(content))
        complaints.push(`"${content}" is there ${paths.length} times: ${paths.join(', ')}`)
    return complaints
  }
}
