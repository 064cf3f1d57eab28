import { invariant } from '../../base/assert.ts'
import type { MetadataPatch, RemoteEntry } from '../../remote/types.ts'
import { MODE_KEY } from './keys.ts'

/** Permission bits (0 … 0o7777), stored in octal; `undefined` goes back to the default of the mount. */
export function encodeMode(mode: number | undefined): MetadataPatch {
  if (mode === undefined) return { key: MODE_KEY, value: undefined }
  invariant(Number.isInteger(mode) && mode >= 0 && mode <= 0o7777, `mode ${mode} is not 12 permission bits`)
  return { key: MODE_KEY, value: mode.toString(8).padStart(4, '0') }
}

export function decodeMode(entry: RemoteEntry): number | undefined {
  const text = entry.metadata[MODE_KEY] ?? ''
  return /^[0-7]{1,4}$/.test(text) ? Number.parseInt(text, 8) : undefined
}
