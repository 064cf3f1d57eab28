import type { WireEntityType } from '../../api/types.ts'
import type { Ids } from '../ids.ts'
import type { TimeUs } from '../times.ts'
import { decrypted, type Cipher } from './cipher.ts'
import type { Contents } from './contents.ts'

/** A stored blob: one version of one or (after a copy) several files. Its bytes never change once it is complete. */
export interface Entity {
  readonly number: number
  readonly id: string
  readonly type: WireEntityType
  sizeBytes: number
  readonly createdUs: TimeUs
  /** Number of the user who made it. */
  readonly createdBy: number
  /** The running or abandoned upload that it is the placeholder of. */
  uploadSessionId: string | undefined
  /** Its bytes are stored as they came, and decrypted whenever they are read. */
  cipher?: Cipher
  /** How many files hold it; at 0 it is gone and its URLs answer 40077. */
  references: number
}

export class EntityStore {
  readonly contents: Contents
  /** The id that folders and files without content show: "no content" (api/00-live §1). */
  readonly noContentId: string
  readonly #ids: Ids
  readonly #byNumber = new Map<number, Entity>()
  #last = 0

  constructor(ids: Ids, contents: Contents) {
    this.#ids = ids
    this.contents = contents
    this.noContentId = ids.encode('entity', 0)
  }

  create(fields: Pick<Entity, 'type' | 'sizeBytes' | 'createdUs' | 'createdBy' | 'uploadSessionId'>): Entity {
    const number = (this.#last += 1)
    const entity: Entity = { ...fields, number, id: this.#ids.encode('entity', number), references: 1 }
    this.#byNumber.set(number, entity)
    return entity
  }

  find(number: number): Entity | undefined {
    return this.#byNumber.get(number)
  }

  /** Bytes `[start, end)` as programs wrote them. */
  async read({ number, cipher }: Entity, start: number, end: number): Promise<Buffer> {
    const bytes = await this.contents.read(number, start, end)
    return cipher ? decrypted(cipher, start, bytes) : bytes
  }

  /** One file less holds it; the last one takes its bytes along. */
  release(entity: Entity): void {
    entity.references -= 1
    if (entity.references > 0) return
    this.#byNumber.delete(entity.number)
    // A blob that cannot be removed from the disk wastes space and nothing else.
    this.contents.remove(entity.number).catch((error: unknown) => {
      process.emitWarning(`The content of an unused entity was not removed: ${String(error)}`)
    })
  }
}
