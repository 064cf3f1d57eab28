import type { ContentBase } from './content-base.ts'
import type { StagedFile } from './staged-file.ts'
import type { BaseEntity, Lender } from './types.ts'

export interface Detachment {
  readonly of: BaseEntity
  /** The file whose content it is. */
  readonly lender: Lender
  /** All of it; undefined: it is not here, and to be fetched from there. */
  readonly bytes: Uint8Array | undefined
  /** When it was written, ms since the epoch. */
  readonly modifiedAtMs: number
}

/** What shows all of `base` is changed as if all of it had been written. @throws {Error} when that is another content by now */
export async function detachContent(
  staged: StagedFile,
  base: ContentBase,
  { of, lender, bytes, modifiedAtMs }: Detachment,
): Promise<void> {
  const { entity, sizeBytes } = base
  if (entity !== of) throw new Error('there is another content by now')
  if (!bytes && entity !== 'absent') {
    await staged.lend(lender)
    base.borrow({ base: entity, baseSizeBytes: sizeBytes, lender })
  }
  if (bytes && bytes.length > 0) await staged.write(0, bytes, modifiedAtMs)
  else staged.touch(modifiedAtMs)
}
