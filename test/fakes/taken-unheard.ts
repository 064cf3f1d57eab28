import type { TestDrive } from './test-drive.ts'

/** The server takes what waits to be uploaded, and nobody hears of it. */
export async function takenUnheard({ remote, clock }: TestDrive): Promise<void> {
  const gate = remote.hold('upload', 'after')
  await clock.advance(500)
  await gate.entered
  // It waits for ever; later ones do not.
  remote.hold('upload').release()
}
