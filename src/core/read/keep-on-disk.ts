import type { ContentAddress } from '../../remote/remote.ts'
import type { CachedContent } from '../cache/index.ts'
import type { ContentReader } from './windowed-reader.ts'

export interface KeepOptions {
  readonly signal?: AbortSignal | undefined
  /** So many bytes more are on the disk. */
  readonly onBytes: (bytes: number) => void
}

export interface KeptContent {
  readonly content: ContentAddress
  readonly disk: CachedContent
  readonly blockBytes: number
  readonly open: () => ContentReader
}

/** Read and written in one go. */
const stepBytes = 1024 ** 2

/**
 * Brings what is missing of a content into the disk cache. False: not all of it is there afterwards, as the disk gave trouble
 * or has no room.
 * @throws {RemoteError} as a read
 */
export async function keepOnDisk(
  { content, disk, blockBytes, open }: KeptContent,
  { signal, onBytes }: KeepOptions,
): Promise<boolean> {
  const reader = open()
  const step = Math.max(1, Math.floor(stepBytes / blockBytes))
  try {
    for (let first = 0; first < disk.blocks; first += step) {
      const past = Math.min(disk.blocks, first + step)
      const [start, end] = [first * blockBytes, Math.min(past * blockBytes, content.sizeBytes)]
      await disk.load(first, past)
      if (!hasAll(disk, first, past))
        await disk.store(first, await reader.read(start, end - start, { signal }))
      onBytes(end - start)
    }
  } finally {
    reader.close()
  }
  return (await disk.presentBytes()) === content.sizeBytes
}

function hasAll(disk: CachedContent, first: number, past: number): boolean {
  for (let index = first; index < past; index += 1) if (!disk.has(index)) return false
  return true
}
