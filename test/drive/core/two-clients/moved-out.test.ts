/** Somebody else moves a folder out of one that is deleted here with everything in it. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { TestDrive } from '../../../fakes/test-drive.ts'
import { TwoDrives } from '../../../fakes/two-drives.ts'

let both: TwoDrives
let one: TestDrive

beforeEach(async () => {
  both = await TwoDrives.open({ 'd/s/x': 'kept' })
  ;({ one } = both)
  for (const path of ['', 'd', 'd/s']) await one.names(path)
  await one.unlink('d/s/x')
  for (const path of ['d/s', 'd']) await one.rmdir(path)
})

afterEach(() => both.stop())

it('a folder that is made here where it is by now is that one, and the deletion ends', async () => {
  const info = one.remote.hold('info')
  one.remote.moveAsOther('d/s', 'e')
  one.remote.removeAsOther('d')
  await one.mkdir('e')
  await one.clock.advance(2_000)
  info.release()
  await one.clock.advance(5_000)
  expect(one.drive.unsentNames).toBe(0)
  await both.settleAll()
  expect(await both.agreed()).toEqual({ 'e/x': 'kept' })
})
