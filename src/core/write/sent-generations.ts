import type { RemotePath } from '../../remote/types.ts'
import type { Generation } from './generation.ts'
import type { Uploadable } from './uploadable.ts'

/**
 * What is being sent of one file, and what was sent of it without an answer: a frozen generation exists only from the first attempt
 * to send it until it is confirmed, replaced by a newer one, or given up.
 */
export class SentGenerations {
  readonly #content: Uploadable
  #generation: Generation | undefined
  #isUncertain = false
  /** Where the server may have something of ours: answers that nobody has heard. */
  readonly #unheardAt = new Map<string, RemotePath>()

  constructor(content: Uploadable) {
    this.#content = content
  }

  /** The newest content. An older one that was sent without an answer is remembered by its digest. */
  async freeze(): Promise<Generation> {
    if (this.#generation?.changes === this.#content.changes) return this.#generation
    if (this.#isUncertain) await this.#content.uploads.attempts()
    await this.#thaw(this.#isUncertain)
    this.#generation = await this.#content.freeze()
    return this.#generation
  }

  /** The server may have taken the present one, sent to `path`. */
  leftUncertain(path: RemotePath): void {
    this.#isUncertain = true
    this.#unheardAt.set(path.join('/'), path)
  }

  /** Whatever is there is known. */
  heardOf(path: RemotePath): void {
    this.#unheardAt.delete(path.join('/'))
  }

  /** Where else than at `path` the server may have something of ours. */
  unheardBeside(path: RemotePath): RemotePath[] {
    return [...this.#unheardAt.values()].filter((at) => at.join('/') !== path.join('/'))
  }

  /** The present one failed: it is not needed any more, unless the server may have it all the same. */
  async failed(): Promise<void> {
    if (!this.#isUncertain) await this.#thaw(false)
  }

  /** The server has the present one. */
  confirmed(): void {
    this.#generation = undefined
    this.#isUncertain = false
    this.#unheardAt.clear()
  }

  /** All that was sent so far is going to be dropped. */
  forget(): Promise<void> {
    return this.#thaw(true)
  }

  async #thaw(maybeSent: boolean): Promise<void> {
    this.#isUncertain = false
    if (!this.#generation) return
    this.#generation = undefined
    await this.#content.thaw(maybeSent)
  }
}
