import { afterEach, beforeEach, expect, it } from 'vitest'
import { constants } from 'node:fs'
import { TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => remote.putAsOther('letter', 'the old one'))
})

afterEach(() => drive.stop())

/** More than lie between the answer to an upload and the last thing that follows from it. */
const turns = 200

/** Opens and closes it, the first time after `delay` turns of the microtask queue, and again and again. */
async function openAndClose(path: string, delay: number): Promise<void> {
  for (let turn = 0; turn < delay; turn += 1) await Promise.resolve()
  const file = await drive.open(path, constants.O_RDONLY)
  await drive.close(file)
}

it('a file that is closed at any moment around the end of its upload shows what was uploaded', async () => {
  await drive.save('letter', 'new')
  const gate = drive.remote.hold('upload', 'after')
  await drive.clock.advance(1_000)
  await gate.entered
  gate.release()
  await Promise.all(Array.from({ length: turns }, (_, delay) => openAndClose('letter', delay)))
  await drive.settleAll()
  expect(drive.remote.textAt('letter')).toBe('new')
  expect((await drive.stat('letter')).sizeBytes).toBe(3)
  expect(await drive.text('letter')).toBe('new')
})
