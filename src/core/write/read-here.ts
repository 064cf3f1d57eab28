import type { ByteRange } from '../../base/ranges.ts'
import type { ReadBase } from './content-parts.ts'
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

/** What is here of a range, and of which base the gaps are. */
interface Here {
  readonly into: Uint8Array
  readonly gaps: readonly ByteRange[]
  readonly epoch: number
}

interface Reading {
  readonly here: () => Promise<Here>
  /** The base is still that of `epoch`. */
  readonly isSame: (epoch: number) => boolean
  readonly readBase: ReadBase
}

/** A range of a content: what is here, and the base where nothing is. When the base changes meanwhile it starts over. */
export async function readThrough(
  range: ByteRange,
  reading: Reading,
  checkWanted: () => void,
): Promise<Uint8Array> {
  for (;;) {
    checkWanted()
    const here = await reading.here()
    try {
      if (await fillGaps(here, range, reading)) return here.into
    } catch (error) {
      if (reading.isSame(here.epoch)) throw error
    }
  }
}

/** False: the base is another one by now. */
async function fillGaps(
  { into, gaps, epoch }: Here,
  range: ByteRange,
  { isSame, readBase }: Reading,
): Promise<boolean> {
  for (const { start, end } of gaps) {
    if (!isSame(epoch)) return false
    into.set(await readBase(start, end), start - range.start)
  }
  return gaps.length === 0 || isSame(epoch)
}
