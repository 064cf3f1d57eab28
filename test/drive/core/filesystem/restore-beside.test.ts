/** A file stays open for writing after a conflict: what is written next, and the end of the process. */
import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventuallyPassing } from '../../../fakes/eventually.ts'
import { TestDrive, type OpenedFile } from '../../../fakes/test-drive.ts'

let drive: TestDrive
let file: OpenedFile

beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => remote.putAsOther('f', 'v1'))
  await drive.names()
  file = await drive.open('f', constants.O_RDWR)
  await drive.write(file, 'mine')
  drive.remote.putAsOther('f', 'theirs')
  await eventuallyPassing(drive.clock, () => drive.copies().length === 1)
})

afterEach(() => drive.stop())

const texts = () => drive.remote.paths().map((path) => drive.remote.textAt(path))

describe('what is written after a conflict to a file that is still open', () => {
  it.each([
    ['anew', true, 'second'],
    ['over its beginning', false, '2nd!'],
    ['behind its end', false, 'mine, too'],
  ])('%s survives kill -9 [W1]', async (_, isEmptied, wanted) => {
    if (isEmptied) await drive.fs.setattr(file.ino, { sizeBytes: 0 }, file.fh, drive.context())
    const offset = wanted.startsWith('mine') ? 4 : 0
    await drive.write(file, wanted.slice(offset), offset)
    await drive.crash()
    await drive.settleAll()
    expect(texts()).toContain(wanted)
    expect(drive.remote.textAt('f')).toBe('theirs')
  })

  it('goes to the copy as long as the process lives [W1]', async () => {
    await drive.write(file, ', too', 4)
    await drive.close(file)
    await drive.settleAll()
    expect(texts()).toEqual(['theirs', 'mine, too'])
  })

  it('and nothing at all leaves nothing behind', async () => {
    await drive.crash()
    await drive.settleAll()
    expect(texts()).toEqual(['theirs', 'mine'])
  })
})
