import { ApiFailure } from './failure.ts'

const maxNameBytes = 255
const forbidden = /[\\/:*?"<>|]/

/** What the storage policy allows as names of files; folders are free (api/00-live-files §5). */
export interface SuffixRules {
  allowedSuffixes: readonly string[]
  deniedSuffixes: readonly string[]
}

/** @throws {ApiFailure} 40052 */
export function checkName(name: string): void {
  const bytes = Buffer.byteLength(name)
  if (bytes < 1 || bytes > maxNameBytes || forbidden.test(name) || name === '.' || name === '..')
    throw new ApiFailure(40052)
}

/** Lower case, without dot; empty when there is none. `.txt` has the extension `txt`. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.')
  return dot < 0 ? '' : name.slice(dot + 1).toLowerCase()
}

/** @throws {ApiFailure} 40052 */
export function checkFileName(name: string, rules: SuffixRules): void {
  checkName(name)
  const extension = extensionOf(name)
  if (rules.allowedSuffixes.length > 0 && !rules.allowedSuffixes.includes(extension))
    throw new ApiFailure(40052)
  if (rules.deniedSuffixes.includes(extension)) throw new ApiFailure(40052)
}

/**
 * Whether the stored object's name, `<user>_<8 random>_<name>`, fits the server's disk: a file whose name is longer can be made and
 * renamed, but never given content (api/00-live-files §5).
 */
export function isStorable(name: string, userNumber: number): boolean {
  return Buffer.byteLength(name) + 10 + String(userNumber).length <= maxNameBytes
}

/** Order of the database: by the bytes of UTF-8. */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i += 1) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return byteOrder(x) - byteOrder(y)
  }
  return a.length - b.length
}

/** UTF-16 sorts surrogates before U+E000…U+FFFF, UTF-8 after them. */
function byteOrder(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
