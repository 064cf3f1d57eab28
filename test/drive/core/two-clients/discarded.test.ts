/** What was changed here is given up, and somebody else has changed the file meanwhile. */
import { constants } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { TestDrive } from '../../../fakes/test-drive.ts'
import { TwoDrives } from '../../../fakes/two-drives.ts'

let both: TwoDrives
let one: TestDrive

beforeEach(async () => {
  both = await TwoDrives.open({ a: 'v1' })
  ;({ one } = both)
  expect(await one.text('a')).toBe('v1')
})

afterEach(() => both.stop())

it('once changes are discarded, the file is what the server has by now', async () => {
  one.remote.fail('upload', new RemoteError('denied', 'no'))
  const file = await one.open('a', constants.O_WRONLY | constants.O_TRUNC)
  await one.write(file, 'mine')
  await one.close(file)
  await one.clock.advance(2_000)
  expect(one.drive.top.pending()).toMatchObject([{ state: { state: 'failed' } }])
  one.remote.putAsOther('a', 'theirs')
  await one.outdate()
  expect(await one.names('')).toEqual(['a'])
  expect(await one.text('a')).toBe('mine')
  expect(await one.drive.top.discard(['a'], one.context())).toBe('content')
  expect(await one.text('a')).toBe('theirs')
})
