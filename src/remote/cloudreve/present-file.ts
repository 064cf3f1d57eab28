import { Code } from '../../api/codes.ts'
import { fileInfo } from '../../api/endpoints/files.ts'
import { isRefusal } from '../../api/errors.ts'
import type { WireFile } from '../../api/schema.ts'
import type { RemotePath } from '../types.ts'
import { uriOf, type MountContext } from './context.ts'

/** What is at a path; undefined: nothing. */
export async function presentFile(
  context: MountContext,
  path: RemotePath,
  options: Parameters<typeof fileInfo>[2] = {},
): Promise<WireFile | undefined> {
  try {
    return await fileInfo(context.client, { uri: uriOf(context, path) }, options)
  } catch (error) {
    if (isRefusal(error, Code.pathNotFound)) return undefined
    throw error
  }
}
