import type { TestDrive } from '../../../fakes/test-drive.ts'

/** Lists everything below `path`, a folder before what is in it, as find(1) does. */
export async function find(test: TestDrive, path = ''): Promise<string[]> {
  const found: string[] = []
  for (const name of await test.names(path)) {
    const at = path ? `${path}/${name}` : name
    const isFolder = (await test.stat(at)).kind === 'folder'
    found.push(isFolder ? `${at}/` : at)
    if (isFolder) found.push(...(await find(test, at)))
  }
  return found
}
