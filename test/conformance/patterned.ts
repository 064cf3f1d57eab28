/** Bytes that look random and are the same in every run: position and content cannot be confused. */
export function patterned(sizeBytes: number, seed = 1): Buffer {
  const buffer = Buffer.alloc(sizeBytes)
  let state = (seed * 2_654_435_761) >>> 0 || 1
  for (let i = 0; i < sizeBytes; i += 1) {
    state ^= (state << 13) >>> 0
    state ^= state >>> 17
    state = (state ^ (state << 5)) >>> 0
    buffer[i] = state & 0xff
  }
  return buffer
}
