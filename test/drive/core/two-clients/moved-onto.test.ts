/** Somebody else moves a file onto the name of one that is changed here: for a while two files of ours could stand for the same one. */
import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TestDrive } from '../../../fakes/test-drive.ts'
import { TwoDrives } from '../../../fakes/two-drives.ts'

let both: TwoDrives
let one: TestDrive

beforeEach(async () => {
  both = await TwoDrives.open({ 'd/moved': 'v1', 'd/over': 'v1' }, { settings: { deletePermanently: true } })
  ;({ one } = both)
  await one.names('d')
})

afterEach(() => both.stop())

async function change(path: string, text: string): Promise<void> {
  const file = await one.open(path, constants.O_WRONLY)
  await one.write(file, text)
  await one.close(file)
}

/** While the change of `d/over` here is not sent yet. */
function moveOntoIt(): void {
  one.remote.removeAsOther('d/over')
  one.remote.putAsOther('d/moved', 'theirs')
  one.remote.moveAsOther('d/moved', 'd/over')
}

/** Their file has come to the name by the conflict alone: no listing has told of it. */
async function untilConflict(): Promise<void> {
  await one.clock.advance(5_000)
  expect(one.remote.paths().some((path) => path.includes('conflict'))).toBe(true)
}

describe('a file that was moved onto one that was changed here', () => {
  it('is there once, and both contents are', async () => {
    await change('d/over', 'mine')
    moveOntoIt()
    await untilConflict()
    await both.settleAll()
    expect(await both.agreedWithCopies()).toEqual({ 'd/over': 'theirs', 'd/over (copy)': 'mine' })
  })

  it('can be renamed to its former name', async () => {
    await change('d/over', 'mine')
    moveOntoIt()
    await untilConflict()
    await one.rename('d/over', 'd/moved')
    await both.settleAll()
    expect(await both.agreedWithCopies()).toEqual({ 'd/moved': 'theirs', 'd/over (copy)': 'mine' })
  })

  it('keeps the name that it was given here meanwhile', async () => {
    await change('d/over', 'mine')
    const sent = one.remote.hold('rename')
    await one.rename('d/moved', 'd/renamed')
    moveOntoIt()
    await untilConflict()
    sent.release()
    await both.settleAll()
    expect(await both.agreedWithCopies()).toEqual({ 'd/over (copy)': 'mine', 'd/renamed': 'theirs' })
  })

  it('and was changed here, too, is there once', async () => {
    const writing = await one.open('d/moved', constants.O_WRONLY)
    await one.write(writing, 'mine too')
    await change('d/over', 'mine')
    moveOntoIt()
    await untilConflict()
    await one.close(writing)
    await both.settleAll()
    const found = Object.values(await both.agreed()).toSorted()
    expect(found).toEqual(['mine', 'mine too', 'theirs'])
  })
})
