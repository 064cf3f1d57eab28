/** Somebody goes on writing to a file after a conflict, and its folder gets another name meanwhile. */
import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestDrive, type OpenedFile } from '../../../fakes/test-drive.ts'

let drive: TestDrive
let file: OpenedFile

beforeEach(async () => {
  drive = await TestDrive.open({ settings: { sync: 'fsync' } }, (remote) => {
    remote.putAsOther('docs/f', 'first')
  })
  file = await drive.open('docs/f', constants.O_RDWR)
  await drive.write(file, 'mine is longer')
  drive.remote.putAsOther('docs/f', 'theirs')
  await sync()
})

afterEach(() => drive.stop())

function sync(): Promise<unknown> {
  return drive.during(drive.fs.fsync(file.fh, false, drive.context()))
}

async function writeOn(): Promise<void> {
  await drive.write(file, 'MINE')
  await sync()
  await drive.close(file)
  await drive.settleAll()
}

/** What there is, without the minute in the name of the copy. */
function found(): string[] {
  const { remote } = drive
  return remote.paths().map((path) => `${path.replace(/ \(.*\)/, ' (copy)')} ${remote.textAt(path) ?? ''}`)
}

const after = ['moved/ ', 'moved/f theirs', 'moved/f (copy) MINE is longer']

describe('a conflict copy that is written on', () => {
  it('goes along when its folder is renamed here [C2]', async () => {
    await drive.rename('docs', 'moved')
    await drive.settleAll()
    await writeOn()
    expect(found()).toEqual(after)
  })

  it('goes along when its folder is renamed here, and the server has not heard of that yet [C2]', async () => {
    await drive.rename('docs', 'moved')
    await writeOn()
    expect(found()).toEqual(after)
  })

  it('goes along when somebody else renames its folder [C2]', async () => {
    drive.remote.moveAsOther('docs', 'moved')
    await drive.outdate()
    await drive.names()
    await writeOn()
    expect(found()).toEqual(after)
  })

  it('goes along when somebody else renames the copy [C2]', async () => {
    const copy = drive.remote.paths().find((path) => path.includes('conflict'))!
    drive.remote.moveAsOther(copy, 'docs/g')
    await drive.outdate()
    await drive.names('docs')
    await writeOn()
    expect(found()).toEqual(['docs/ ', 'docs/f theirs', 'docs/g MINE is longer'])
  })
})
