import { errnoName } from '../../src/base/errno.ts'
import { FsError } from '../../src/core/index.ts'

/** The name of the errno that `work` fails with; undefined when it does not. Other errors pass. */
export async function errnoOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (error instanceof FsError) return errnoName(error.errno)
    throw error
  }
}
