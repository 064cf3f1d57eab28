import type { StreamBody } from '../api/http.ts'

/** Bytes to be sent that do not change meanwhile. */
export interface ByteSource {
  readonly sizeBytes: number
  /** Exactly the bytes of `[start, end)`. */
  read(start: number, end: number): Promise<Uint8Array>
}

/** Held in memory at a time for each body under way. */
const PIECE_BYTES = 256 * 1024
/** A body of at most so many is read before it leaves. */
const SHORT_BYTES = 64 * 1024

/** The body of one request: `[start, end)` of `source`, read in pieces while it is sent. */
export function bodyOf(
  source: ByteSource,
  { start, end }: { readonly start: number; readonly end: number },
  onProgress: (sentBytes: number) => void = () => {},
): StreamBody {
  const sizeBytes = end - start
  const whole = async () => {
    const bytes = await source.read(start, end)
    onProgress(sizeBytes)
    return bytes
  }
  return {
    sizeBytes,
    whole: sizeBytes <= SHORT_BYTES ? whole : undefined,
    async *open() {
      for (let offset = start; offset < end; offset += PIECE_BYTES) {
        const pieceEnd = Math.min(end, offset + PIECE_BYTES)
        yield await source.read(offset, pieceEnd)
        onProgress(pieceEnd - start)
      }
    },
  }
}
