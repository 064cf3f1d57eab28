import { constants } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ROOT_INO } from '../../../../src/core/types.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let test: TestDrive

beforeEach(async () => {
  test = await TestDrive.open()
})

afterEach(() => test.stop())

it.each([
  ['a character device', constants.S_IFCHR],
  ['a block device', constants.S_IFBLK],
  ['a pipe', constants.S_IFIFO],
  ['a socket', constants.S_IFSOCK],
])('%s cannot be made [A15]', async (_what, type) => {
  const made = test.fs.mknod(ROOT_INO, 'special', type | 0o600, test.context())
  expect(await errnoOf(made)).toBe('EPERM')
  expect(await test.names()).toEqual([])
  expect(test.remote.paths()).toEqual([])
})
