import type { WireBoolset } from '../api/types.ts'

/** Base64 of a byte string whose bit n stands for flag n (api/01 §13.4). */
export function boolset(flags: readonly number[]): WireBoolset {
  const bytes = Buffer.alloc(flags.length === 0 ? 0 : (Math.max(...flags) >> 3) + 1)
  for (const flag of flags) bytes[flag >> 3]! |= 1 << (flag & 7)
  return bytes.toString('base64')
}

/** What each file system lets a client do; constant on a community server (api/03 §1.5). */
export const capabilities = {
  my: boolset([0, 1, 6, 7, 8, 9, 10, 14, 15, 16, 18, 19, 20, 23, 24]),
  share: boolset([7, 9, 10, 15, 19, 20, 23, 24]),
  trash: boolset([9, 14, 15, 17, 19]),
  shared_with_me: boolset([7, 9, 23]),
} as const
