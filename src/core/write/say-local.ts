import { toFsError } from '../errors.ts'

/** Errors of the local disk as the filesystem's, about the file that is known as `label`. @throws {FsError} */
export async function sayLocal<T>(label: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toFsError(error, label)
  }
}
