import type { RemoteEntry } from '../../remote/types.ts'
import type { BaseEntity } from './types.ts'

/** What of a file is at the server: where nothing was changed here, this shows. */
export class ContentBase {
  #entity: BaseEntity
  #sizeBytes: number
  #epoch = 0
  /** What the next upload replaces. */
  replaces: BaseEntity

  constructor({ entity, sizeBytes }: { readonly entity: BaseEntity; readonly sizeBytes: number }) {
    this.#entity = entity
    this.#sizeBytes = sizeBytes
    this.replaces = entity
  }

  get entity(): BaseEntity {
    return this.#entity
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Counts the changes: a reader that waited for the server looks whether its plan still holds. */
  get epoch(): number {
    return this.#epoch
  }

  show({ entity, sizeBytes }: Pick<RemoteEntry, 'entity' | 'sizeBytes'>): void {
    this.become(entity ?? 'absent', sizeBytes)
  }

  become(entity: BaseEntity, sizeBytes: number): void {
    this.#entity = entity
    this.replaces = entity
    this.#sizeBytes = sizeBytes
    this.#epoch += 1
  }
}
