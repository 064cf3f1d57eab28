/** How many bytes have been taken after each request that a call becomes, but for the last. */
export interface Cuts {
  /** One write(2). */
  readonly ofWrite: (offset: number, lengthBytes: number) => readonly number[]
  /** The copying of a file. */
  readonly ofCopy: (lengthBytes: number) => readonly number[]
}

const pageBytes = 4096
/** What the driver lets the kernel send in one request, and what a copy that the server cannot make goes in. */
const kernelRequestBytes = 1024 ** 2
/** As test/conformance/engines/vfs does. */
const coreRequestBytes = 128 * 1024
/** As test/conformance/engines/core.ts does. */
const coreCopyBytes = 100_000

/** A page that is begun in its middle goes alone: the kernel has not read the rest of it (fs/fuse/file.c, fuse_fill_write_pages). */
export const kernelCuts: Cuts = {
  ofWrite: (offset, lengthBytes) => {
    const first = (pageBytes - (offset % pageBytes)) % pageBytes
    return every(kernelRequestBytes, first, lengthBytes)
  },
  ofCopy: (lengthBytes) => every(kernelRequestBytes, 0, lengthBytes),
}

export const coreCuts: Cuts = {
  ofWrite: (_offset, lengthBytes) => every(coreRequestBytes, 0, lengthBytes),
  ofCopy: (lengthBytes) => every(coreCopyBytes, 0, lengthBytes),
}

function every(stepBytes: number, first: number, lengthBytes: number): number[] {
  const cuts: number[] = []
  for (let at = first === 0 ? stepBytes : first; at < lengthBytes; at += stepBytes) cuts.push(at)
  return cuts
}
