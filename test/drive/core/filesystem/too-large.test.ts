import { constants } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let test: TestDrive

beforeEach(async () => {
  test = await TestDrive.open({}, (remote) => remote.putAsOther('a', 'v1'))
})

afterEach(() => test.stop())

it.each([2 ** 53, 2 ** 62])(
  'nothing can be written, nor a file made longer, beyond 2^53: %d',
  async (offset) => {
    const file = await test.open('a', constants.O_WRONLY)
    expect(await errnoOf(test.write(file, 'x', offset))).toBe('EFBIG')
    expect(await errnoOf(test.setattr('a', { sizeBytes: offset }))).toBe('EFBIG')
    await test.close(file)
    expect(await test.text('a')).toBe('v1')
  },
)
