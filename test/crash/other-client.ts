import { randomBytes } from 'node:crypto'
import type { EmbeddedServer } from '../../src/server/index.ts'
import { ApiFailure } from '../../src/server/failure.ts'
import type { Random } from './random.ts'

const lockConflict = 40073

/** Somebody else who works on the drive: files of his own in everybody's folders, and one that our program writes to as well. */
export class OtherClient {
  /** What must be there, by path. */
  readonly files = new Map<string, Buffer>()
  /** What he has written to the shared file, oldest first. */
  readonly sharedWrites: Buffer[] = []
  readonly #server: EmbeddedServer
  readonly #random: Random
  readonly #folders: readonly string[]
  readonly #shared: string
  #count = 0

  constructor(server: EmbeddedServer, random: Random, place: { folders: readonly string[]; shared: string }) {
    this.#server = server
    this.#random = random
    this.#folders = place.folders
    this.#shared = place.shared
  }

  /** One change of his, unless an upload of ours has a lock there. */
  async change(): Promise<void> {
    try {
      await this.#change()
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.code !== lockConflict) throw error
    }
  }

  async #change(): Promise<void> {
    const { admin } = this.#server
    const bytes = randomBytes(this.#random.int(1, 5_000))
    if (this.#random.chance(0.15)) {
      await admin.write(`/${this.#shared}`, bytes)
      this.sharedWrites.push(bytes)
      return
    }
    const own = [...this.files.keys()]
    if (own.length > 0 && this.#random.chance(0.3)) {
      const path = this.#random.pick(own)
      if (this.#random.chance(0.5)) {
        admin.remove(`/${path}`)
        this.files.delete(path)
        return
      }
      await admin.write(`/${path}`, bytes)
      this.files.set(path, bytes)
      return
    }
    this.#count += 1
    const path = `${this.#random.pick(this.#folders)}/other-${this.#count}`
    await admin.write(`/${path}`, bytes)
    this.files.set(path, bytes)
  }
}
