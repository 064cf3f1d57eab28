/** How many bytes of one write(2) have been taken after each request that it becomes, but for the last. */
export type Cuts = (offset: number, lengthBytes: number) => readonly number[]

const pageBytes = 4096
/** What the driver lets the kernel send in one request. */
const kernelRequestBytes = 1024 ** 2
/** As test/conformance/engines/vfs does. */
const coreRequestBytes = 128 * 1024

/** A page that is begun in its middle goes alone: the kernel has not read the rest of it (fs/fuse/file.c, fuse_fill_write_pages). */
export const kernelCuts: Cuts = (offset, lengthBytes) => {
  const first = (pageBytes - (offset % pageBytes)) % pageBytes
  return every(kernelRequestBytes, first, lengthBytes)
}

export const coreCuts: Cuts = (_offset, lengthBytes) => every(coreRequestBytes, 0, lengthBytes)

function every(stepBytes: number, first: number, lengthBytes: number): number[] {
  const cuts: number[] = []
  for (let at = first === 0 ? stepBytes : first; at < lengthBytes; at += stepBytes) cuts.push(at)
  return cuts
}
