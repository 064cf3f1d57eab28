import { eventually } from '../../../fakes/eventually.ts'
import type { TestDrive } from '../../../fakes/test-drive.ts'

/** As `rm -r`. */
export async function removeTree(drive: TestDrive, path: string): Promise<void> {
  for (const name of await drive.names(path)) {
    const child = `${path}/${name}`
    if ((await drive.stat(child)).kind === 'folder') await removeTree(drive, child)
    else await drive.unlink(child)
  }
  await drive.rmdir(path)
}

/** The moment passes that removals wait for more. */
export async function sent({ clock, drive }: TestDrive): Promise<void> {
  await clock.advance(500)
  await eventually(() => drive.unsentNames === 0)
}

/** What the log says of files, and of which. */
export function logged({ log }: TestDrive): unknown[] {
  return log.lines.flatMap(({ message, fields }) => (fields?.['file'] ? [[message, fields['file']]] : []))
}

/** What was asked of the server, and of what. */
export function calls({ remote }: TestDrive): string[] {
  const asked = remote.script.calls.filter(({ method }) => method !== 'capacity')
  return asked.map(({ method, subject }) => `${method} ${subject}`)
}
