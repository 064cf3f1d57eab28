import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let test: TestDrive

beforeEach(async () => {
  test = await TestDrive.open({}, (remote) => {
    remote.putAsOther('a', 'a')
    remote.mkdirAsOther('d')
  })
})

afterEach(() => test.stop())

describe('the trash of desktops', () => {
  it.each(['.Trash', '.Trash-0', '.Trash-1000'])(
    'cannot be made in the top folder: %s [N4]',
    async (name) => {
      const ways = [test.mkdir(name), test.save(name, ''), test.symlink('d', name)]
      const renames = [test.rename('d', name), test.rename('a', name)]
      for (const way of [...ways, ...renames]) expect(await errnoOf(way)).toBe('EACCES')
      await test.settleAll()
      expect(test.remote.paths()).toEqual(['a', 'd/'])
    },
  )

  it.each(['d/.Trash', '.Trashcan', '.Trash-x'])('has no other names: %s', async (name) => {
    await test.mkdir(name)
    await test.settleAll()
    expect(test.remote.paths()).toContain(`${name}/`)
  })
})
