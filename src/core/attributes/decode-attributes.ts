import type { Timespec } from '../../base/timespec.ts'
import type { RemoteEntry } from '../../remote/types.ts'
import type { FileKind } from '../types.ts'
import { isOwnKey } from './keys.ts'
import { decodeLinkTarget } from './link-target.ts'
import { decodeMode } from './mode.ts'
import { decodeMtime } from './mtime.ts'
import { decodeXattr } from './xattr-value.ts'

/** What a listing says about an object beyond Cloudreve's own record of it. */
export interface StoredAttributes {
  readonly kind: FileKind
  /** Permission bits, 0 … 0o7777; undefined = the default of the mount. */
  readonly mode: number | undefined
  /** The time that somebody set for just this content; undefined = nobody did, or the content is another one now. */
  readonly mtime: Timespec | undefined
  readonly linkTarget: string | undefined
  /** What users set, by name without `user.`. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>
}

const noXattrs: ReadonlyMap<string, Uint8Array> = new Map()

/** Never throws: pairs of others are ignored, and so are values that make no sense. */
export function decodeAttributes(entry: RemoteEntry): StoredAttributes {
  const linkTarget = decodeLinkTarget(entry)
  return {
    kind: linkTarget === undefined ? entry.kind : 'symlink',
    mode: decodeMode(entry),
    mtime: decodeMtime(entry),
    linkTarget,
    xattrs: decodeXattrs(entry.metadata),
  }
}

function decodeXattrs(metadata: Readonly<Record<string, string>>): ReadonlyMap<string, Uint8Array> {
  let xattrs: Map<string, Uint8Array> | undefined
  for (const key in metadata) {
    const found = isOwnKey(key) ? decodeXattr(key, metadata[key] ?? '') : undefined
    if (found) (xattrs ??= new Map()).set(...found)
  }
  return xattrs ?? noXattrs
}
