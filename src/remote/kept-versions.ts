import { extensionOf } from './extension.ts'

/** What becomes of a content that a newer one has replaced. */
export interface KeptVersions {
  /** Of a file so many contents are kept, the current one included; 0: all of them. */
  readonly max: number
  /** Files with these extensions only, lower case and without dot; of all others the current one is kept. None: all files. */
  readonly extensions: readonly string[]
}

/** How many contents of a file of that name are kept, at least 1. Where the server did not tell, one: nothing is relied on. */
export function versionsKeptOf(name: string, kept: KeptVersions | undefined): number {
  if (!kept) return 1
  const { max, extensions } = kept
  if (extensions.length > 0 && !extensions.includes(extensionOf(name))) return 1
  return max === 0 ? Infinity : max
}

/** What is lost by overwriting, in words; undefined: nothing, or nobody knows. */
export function lossByOverwriting(kept: KeptVersions | undefined): string | undefined {
  if (!kept) return undefined
  if (kept.max === 1) return 'the drive keeps no versions: what is overwritten is gone'
  if (kept.extensions.length === 0) return undefined
  const named = kept.extensions.map((extension) => `.${extension}`).join(', ')
  return `the drive keeps versions of ${named} only: what is overwritten in other files is gone`
}
