/** An upload has arrived, nobody has heard of it, and its file is somewhere else by the next try. */
import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TwoDrives } from '../../../fakes/two-drives.ts'
import type { TestDrive } from '../../../fakes/test-drive.ts'

let both: TwoDrives
let one: TestDrive

const rest = { 'd/f': 'below', 'd/g': 'too' }

beforeEach(async () => {
  both = await TwoDrives.open({ a: 'v1', ...rest })
  ;({ one } = both)
  for (const drive of [one, both.two]) await drive.names('d')
})

afterEach(() => both.stop())

async function saveInPlace(path: string, text: string): Promise<void> {
  const file = await one.open(path, constants.O_WRONLY | constants.O_TRUNC)
  await one.write(file, text)
  await one.close(file)
}

/** The server has done it where nobody looks for it any more. */
async function renamedUnheard(): Promise<void> {
  one.remote.loseAnswers('upload')
  const gate = one.remote.hold('upload', 'after')
  await one.clock.advance(600)
  await gate.entered
  await one.outdate()
  await one.names()
  await one.names('e')
  gate.release()
  await both.settleAll()
}

describe('an upload whose answer was lost, to a path that its file is not at by the next try', () => {
  it('of a file of a folder that has another name leaves nothing behind', async () => {
    await saveInPlace('d/f', 'mine')
    one.remote.moveAsOther('d', 'e')
    await renamedUnheard()
    expect(await both.agreed()).toEqual({ a: 'v1', 'e/f': 'mine', 'e/g': 'too' })
    expect(one.remote.paths()).not.toContain('d/')
  })

  it('of a new file in a folder that has another name leaves nothing behind', async () => {
    await one.save('d/new', 'mine')
    one.remote.moveAsOther('d', 'e')
    await renamedUnheard()
    expect(await both.agreed()).toEqual({ a: 'v1', 'e/f': 'below', 'e/g': 'too', 'e/new': 'mine' })
    expect(one.remote.paths()).not.toContain('d/')
  })

  it('and that was done before the folder was moved away leaves nothing behind', async () => {
    await one.mkdir('d/s')
    await one.save('d/s/x', 'x')
    await both.settleAll()
    for (const path of ['', 'd', 'd/s']) await one.names(path)
    await saveInPlace('d/s/x', 'mine')
    one.remote.loseAnswers('upload')
    await one.clock.advance(600)
    one.remote.moveAsOther('d/s', 'e')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', ...rest, 'e/x': 'mine' })
    expect(one.remote.paths()).not.toContain('d/s/')
  })

  it('of a conflict copy leaves nothing behind', async () => {
    await saveInPlace('d/f', 'mine')
    one.remote.putAsOther('d/f', 'theirs')
    one.remote.loseAnswers('upload')
    await one.clock.advance(600)
    expect(one.remote.paths().filter((path) => path.includes('conflict'))).toHaveLength(1)
    one.remote.moveAsOther('d/f', 'z')
    await both.settleAll()
    expect(await both.agreedWithCopies()).toEqual({ a: 'v1', 'd/g': 'too', z: 'theirs', 'z (copy)': 'mine' })
  })

  it('leaves alone what somebody else has there by then', async () => {
    await one.save('d/new', 'mine')
    one.remote.loseAnswers('upload')
    await one.clock.advance(600)
    one.remote.moveAsOther('d', 'e')
    one.remote.putAsOther('d/new', 'theirs')
    await one.outdate()
    await both.settleAll()
    expect(await both.agreed()).toMatchObject({ 'd/new': 'theirs', 'e/new': 'mine' })
  })

  it('of a conflict copy is known to the process that follows', async () => {
    await saveInPlace('a', 'mine')
    one.remote.putAsOther('a', 'theirs')
    const gate = one.remote.hold('upload', 'after')
    await one.clock.advance(600)
    await gate.entered
    await one.clock.advance(240_000)
    await one.crash(() => gate.release())
    await both.settleAll()
    expect(await both.agreedWithCopies()).toEqual({ a: 'theirs', 'a (copy)': 'mine', ...rest })
    expect(one.copies()).toHaveLength(1)
  })
})
