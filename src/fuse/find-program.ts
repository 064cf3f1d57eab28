import { constants } from 'node:fs'
import { access, realpath, stat } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

export interface Program {
  readonly path: string
  /** Whoever starts it, it runs as root. */
  readonly isSetuidRoot: boolean
}

/** The first program of that name in the folders of `searchPath` (as `PATH` has them); undefined when there is none. */
export async function findProgram(
  name: string,
  searchPath = process.env['PATH'] ?? '',
): Promise<Program | undefined> {
  for (const folder of searchPath.split(delimiter).filter(Boolean)) {
    const path = join(folder, name)
    if (!(await isExecutable(path))) continue
    const { mode, uid } = await stat(await realpath(path))
    return { path, isSetuidRoot: uid === 0 && (mode & 0o4000) !== 0 }
  }
  return undefined
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
