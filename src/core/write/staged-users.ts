import { invariant } from '../../base/assert.ts'
import type { StagedFile } from './staged-file.ts'

/** Who has a file open; what is staged of it is kept open for them. */
export class StagedUsers {
  #users = 0
  #writers = 0
  #kept: StagedFile | undefined

  get hasWriters(): boolean {
    return this.#writers > 0
  }

  /** Something is kept open, and nobody has the file open any more. */
  get canLetClose(): boolean {
    return this.#kept !== undefined && this.#users === 0
  }

  retain({ writes }: { readonly writes: boolean }, staged: StagedFile | undefined): void {
    this.#users += 1
    if (writes) this.#writers += 1
    this.keepOpen(staged)
  }

  release({ writes }: { readonly writes: boolean }): void {
    invariant(!writes || this.#writers > 0, 'a writer is released that was never retained')
    this.#users -= 1
    if (writes) this.#writers -= 1
  }

  releaseAll(): void {
    this.#users = 0
    this.#writers = 0
  }

  /** For whoever has the file open. */
  keepOpen(staged: StagedFile | undefined): void {
    if (!staged || this.#kept === staged || this.#users === 0) return
    this.#kept = staged
    staged.retain()
  }

  /** Unless somebody has the file open. @requires the content's mutex */
  async letClose(): Promise<void> {
    if (this.#users > 0) return
    const kept = this.#kept
    this.#kept = undefined
    await kept?.release()
  }

  /** What was staged is not the file's any more. */
  forget(): void {
    this.#kept = undefined
  }
}
