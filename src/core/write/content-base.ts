import type { ContentAddress } from '../../remote/remote.ts'
import type { EntityId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { BorrowedBase, StagedFacts } from './staged-file.ts'
import type { BaseEntity, ContentOwner, Lender } from './types.ts'

/** What can be copied at the server instead of being sent. */
export interface CopySource {
  readonly lender: Lender
  /** Where it is now, as far as that is known. */
  readonly path: RemotePath
  readonly entity: EntityId
  readonly sizeBytes: number
  /** What a copy that is made now has along with the content; undefined: the server is to be asked. */
  readonly metadata: () => RemoteEntry['metadata'] | undefined
}

/** What shows where nothing was changed: a content of the server, as a rule an earlier one of this file. */
export class ContentBase {
  /** What the next upload replaces. */
  replaces: BaseEntity
  /** The server does not copy it: its bytes are to be sent. */
  isCopyRefused = false
  readonly #onLender: (lender: Lender | undefined, former: Lender | undefined) => void
  #own: { readonly entity: BaseEntity; readonly sizeBytes: number }
  #borrowed: BorrowedBase | undefined
  #epoch = 0
  /** Of a borrowed base, until nothing of it is missing here. */
  #lender: Lender | undefined

  constructor(
    own: { readonly entity: BaseEntity; readonly sizeBytes: number },
    onLender: (lender: Lender | undefined, former: Lender | undefined) => void,
  ) {
    this.#own = own
    this.replaces = own.entity
    this.#onLender = onLender
  }

  get entity(): BaseEntity {
    return this.#borrowed?.base ?? this.#own.entity
  }

  get sizeBytes(): number {
    return this.#borrowed?.baseSizeBytes ?? this.#own.sizeBytes
  }

  get lender(): Lender | undefined {
    return this.#lender
  }

  /** Counts the changes: a reader that waited for the server looks whether its plan still holds. */
  get epoch(): number {
    return this.#epoch
  }

  show({ entity, sizeBytes }: Pick<RemoteEntry, 'entity' | 'sizeBytes'>): void {
    this.become(entity ?? 'absent', sizeBytes)
  }

  become(entity: BaseEntity, sizeBytes: number): void {
    this.#own = { entity, sizeBytes }
    this.replaces = entity
    this.#borrowed = undefined
    this.#epoch += 1
    this.#lend(undefined)
  }

  /** As an earlier process has left it. */
  restore({ base, baseSizeBytes, lender, replaces }: StagedFacts): void {
    if (lender && base !== 'absent') this.borrow({ base, baseSizeBytes, lender })
    else this.become(base, baseSizeBytes)
    this.replaces = replaces
  }

  /** What this file itself has at the server shows again. */
  showOwn(): void {
    this.become(this.#own.entity, this.#own.sizeBytes)
  }

  /** Of the file that it is the next version of from now on. What shows stays the same. */
  belongTo(own: { readonly entity: BaseEntity; readonly sizeBytes: number }): void {
    this.#own = own
    this.#epoch += 1
  }

  borrow(from: BorrowedBase): void {
    if (this.#borrowed?.base !== from.base) {
      this.#epoch += 1
      this.isCopyRefused = false
    }
    this.#borrowed = from
    this.#lend(from.lender)
  }

  /** Nothing of it is missing here any more. */
  giveBack(): void {
    this.#lend(undefined)
  }

  /** Where the server can be asked for it. */
  address(owner: ContentOwner): Omit<ContentAddress, 'entity'> & { readonly entity: BaseEntity } {
    const lender = this.#lender
    const path = () => (lender ? (owner.known(lender.id)?.path ?? lender.path) : owner.path())
    return { path, entity: this.entity, sizeBytes: this.sizeBytes }
  }

  /** What a file that is all base is a copy of; undefined: nothing that the server would copy. */
  copySource(owner: ContentOwner): CopySource | undefined {
    const lender = this.#lender
    if (!lender || !this.#borrowed || this.replaces !== 'absent' || this.isCopyRefused) return undefined
    const { path = lender.path, entry } = owner.known(lender.id) ?? {}
    const entity = this.#borrowed.base
    if (entry && (entry.entity !== entity || entry.uploadSessionId !== undefined)) return undefined
    const metadata = () => {
      const original = owner.known(lender.id)
      return original?.isSettled ? original.entry.metadata : undefined
    }
    return { lender, path, entity, sizeBytes: this.sizeBytes, metadata }
  }

  #lend(lender: Lender | undefined): void {
    const former = this.#lender
    this.#lender = lender
    if (lender?.id !== former?.id) this.#onLender(lender, former)
  }
}
