import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nothingInline } from '../../../../src/core/inline/index.ts'
import { nodeFileLayer } from '../../../../src/base/file-layer.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { aMoment } from '../../../fakes/manual-clock.ts'
import { MortalDisk } from '../../../fakes/mortal-disk.ts'
import { takenUnheard } from '../../../fakes/taken-unheard.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

const path = 'docs/letter'

let disk: MortalDisk
let drive: TestDrive

/** The server has taken what was saved, nobody knows, and it is away. */
beforeEach(async () => {
  disk = new MortalDisk()
  const options = { fileLayer: disk.layer, inlineLimits: nothingInline }
  drive = await TestDrive.open(options, (remote) => remote.putAsOther(path, 'old letter'))
  await drive.save(path, 'first')
  await takenUnheard(drive)
  await drive.crash()
  drive.remote.offline = true
})

afterEach(() => drive.stop())

/** The process dies in `operation`, before the record of the new file says what the server may have of the old one. */
async function dieIn(operation: () => Promise<void>): Promise<void> {
  disk.stallAppends(/^\n\{"a"/)
  void operation()
  await eventually(() => disk.isStalling)
  // What would be written beside it is.
  for (let moments = 0; moments < 20; moments += 1) await aMoment()
  drive.fileLayer = nodeFileLayer
  await drive.crash(() => void (drive.remote.offline = false))
}

/** Done or not done, and what we have sent ourselves is nobody else's change. */
async function expectOneOf(...trees: readonly (readonly string[])[]): Promise<void> {
  await drive.drain()
  const paths = drive.remote.paths().filter((each) => !each.endsWith('/'))
  expect(trees).toContainEqual(paths.map((each) => `${each}: ${drive.remote.textAt(each)}`))
}

describe('a process that dies while a new file becomes the next version of one whose upload nobody has heard of', () => {
  it('takes that for ours: the new file is made where the old one was deleted [C6] [W32]', async () => {
    await drive.open(path)
    await drive.unlink(path)
    await dieIn(() => drive.save(path, 'another'))
    await expectOneOf([], ['docs/letter: '], ['docs/letter: another'])
  })

  it('takes that for ours: the new file is renamed to where the old one was deleted [C6] [W32]', async () => {
    await drive.save('docs/draft', 'another')
    await drive.open(path)
    await drive.unlink(path)
    await dieIn(() => drive.rename('docs/draft', path))
    await expectOneOf(['docs/draft: another'], ['docs/letter: another'])
  })

  it('takes that for ours: the old one is deleted after it was renamed away [C6] [W32]', async () => {
    await drive.rename(path, 'docs/old')
    await drive.save(path, 'another')
    await dieIn(() => drive.unlink('docs/old'))
    await expectOneOf(['docs/letter: another', 'docs/old: first'], ['docs/letter: another'])
  })
  it('takes that for ours: the new file is the next backup of an editor [C6] [W32]', async () => {
    drive.remote.putAsOther('docs/text', 'saved')
    drive.remote.offline = false
    await drive.outdate()
    await drive.text('docs/text')
    drive.remote.offline = true
    await drive.open(path)
    await drive.unlink(path)
    await dieIn(async () => {
      await drive.rename('docs/text', path)
      await drive.save('docs/text', 'another')
      await drive.clock.advance(1_000)
    })
    await expectOneOf(['docs/letter: saved', 'docs/text: another'])
  })
})
