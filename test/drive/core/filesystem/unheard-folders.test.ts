import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../fakes/eventually.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

/** The server has taken a file in a new folder, and nobody knows. */
beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => void remote.putAsOther('docs/letter', 'old letter'))
  await drive.mkdir('docs/made')
  await drive.save('docs/made/below', 'below')
  drive.remote.loseAnswers('upload')
  await drive.clock.advance(500)
  await eventually(() => drive.remote.textAt('docs/made/below') !== undefined)
})

afterEach(() => drive.stop())

async function expectPaths(...paths: readonly string[]): Promise<void> {
  await drive.clock.advance(60_000)
  await drive.drain()
  await drive.settleAll()
  expect(drive.remote.paths()).toEqual(['docs/', 'docs/letter', ...paths])
}

describe('a new folder in which the server has a file that nobody has heard of', () => {
  it.each([false, true])(
    'leaves nothing under its old name when it is renamed; the process dies then: %s',
    async (dies) => {
      await drive.during(drive.rename('docs/made', 'docs/moved'))
      if (dies) await drive.crash()
      await expectPaths('docs/moved/', 'docs/moved/below')
    },
  )

  it.each([false, true])('leaves nothing when it is removed; the process dies then: %s', async (dies) => {
    await drive.during(drive.unlink('docs/made/below'))
    await drive.during(drive.rmdir('docs/made'))
    if (dies) await drive.crash()
    await expectPaths()
  })

  it.each([false, true])(
    'is as programs see it after both have new names; the process dies then: %s',
    async (dies) => {
      await drive.during(drive.rename('docs/made/below', 'docs/made/other'))
      await drive.during(drive.rename('docs/made', 'docs/moved'))
      if (dies) await drive.crash()
      await expectPaths('docs/moved/', 'docs/moved/other')
    },
  )
})
