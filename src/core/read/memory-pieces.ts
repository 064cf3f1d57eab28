/** A block whose memory is its own. */
export function own(block: Uint8Array): Uint8Array {
  // Not with `slice`, which does not copy where the block is a Buffer.
  return block.byteLength === block.buffer.byteLength ? block : new Uint8Array(block)
}

/** Blocks that lie behind each other in memory, as one. */
export function inOnePiece(blocks: readonly Uint8Array[]): Uint8Array | undefined {
  const [first] = blocks
  if (!first || blocks.length === 1) return first
  let end = first.byteOffset
  for (const block of blocks) {
    if (block.buffer !== first.buffer || block.byteOffset !== end) return undefined
    end += block.length
  }
  return new Uint8Array(first.buffer, first.byteOffset, end - first.byteOffset)
}
