import type { ByteRange } from '../../base/ranges.ts'

/** `chunkBytes` 0 = everything in one; an empty file has one empty chunk (api/04 §2). */
export function chunkRanges(sizeBytes: number, chunkBytes: number): ByteRange[] {
  if (sizeBytes === 0 || chunkBytes === 0) return [{ start: 0, end: sizeBytes }]
  return Array.from({ length: Math.ceil(sizeBytes / chunkBytes) }, (_, index) => ({
    start: index * chunkBytes,
    end: Math.min(sizeBytes, (index + 1) * chunkBytes),
  }))
}
