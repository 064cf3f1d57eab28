import type { ByteSource } from './upload-source.ts'
import type { ContentSource, Downloader } from './download.ts'

/** Each costs a round trip, and is held twice. */
const PIECE_BYTES = 4 * 1024 * 1024

/** Whether a content on the server has exactly the bytes of `source`. Reads it back; stops at the first difference. */
export async function hasSameBytes(
  downloader: Downloader,
  content: ContentSource,
  source: ByteSource,
  signal?: AbortSignal,
): Promise<boolean> {
  if (content.sizeBytes !== source.sizeBytes) return false
  for (let start = 0; start < source.sizeBytes; start += PIECE_BYTES) {
    const end = Math.min(source.sizeBytes, start + PIECE_BYTES)
    const [theirs, ours] = await Promise.all([
      downloader.read(content, { start, end }, { signal }),
      source.read(start, end),
    ])
    if (Buffer.compare(theirs, ours) !== 0) return false
  }
  return true
}
