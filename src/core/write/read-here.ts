import type { ByteRange } from '../../base/ranges.ts'
import type { StagedFile } from './staged-file.ts'

/**
 * What is here of `range`, cut at the end of the content, and the gaps that only the base can fill.
 * @requires the mutex of the content
 */
export async function readHere(
  staged: StagedFile | undefined,
  { start, end }: ByteRange,
  sizeBytes: number,
): Promise<{ into: Uint8Array; gaps: ByteRange[] }> {
  const within = { start, end: Math.max(start, Math.min(end, sizeBytes)) }
  const into = new Uint8Array(within.end - start)
  const gaps = staged ? await staged.read(within, into) : [within]
  return { into, gaps: gaps.filter((gap) => gap.end > gap.start) }
}
