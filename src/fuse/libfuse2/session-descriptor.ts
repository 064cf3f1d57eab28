import { readdir, readlink } from 'node:fs/promises'

const DESCRIPTORS = '/proc/self/fd'
const DEVICE = '/dev/fuse'

/** The descriptors of this process that speak to the kernel as a filesystem. libfuse closes its own when its session ends. */
export async function openSessions(): Promise<ReadonlySet<string>> {
  const numbers = await readdir(DESCRIPTORS)
  const targets = await Promise.all(numbers.map(targetOf))
  return new Set(numbers.filter((_, index) => targets[index] === DEVICE))
}

async function targetOf(number: string): Promise<string | undefined> {
  return readlink(`${DESCRIPTORS}/${number}`).catch((error: NodeJS.ErrnoException) => {
    // Closed meanwhile, as the one by which the folder itself was read.
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}
