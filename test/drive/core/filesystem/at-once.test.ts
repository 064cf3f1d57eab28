import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ROOT_INO } from '../../../../src/core/index.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let test: TestDrive
beforeEach(async () => {
  test = await TestDrive.open({}, (remote) => remote.putAsOther('a', 'text'))
})
afterEach(() => test.stop())

/** What was answered at once. */
function now<T>(answer: T | Promise<T>): T {
  expect(answer).not.toBeInstanceOf(Promise)
  return answer as T
}

describe('what is known already', () => {
  it('is answered without a promise', async () => {
    await test.names()
    const { fileSystem } = test.drive
    const context = test.context()
    const { ino } = now(fileSystem.lookup(ROOT_INO, 'a', context))
    expect(now(fileSystem.getattr(ino, undefined, context)).attr.sizeBytes).toBe(4)
    const { fh } = now(fileSystem.open(ino, constants.O_RDONLY, context))
    now(fileSystem.flush(fh, context))
    now(fileSystem.release(fh))
    const { fh: folder } = now(fileSystem.opendir(ROOT_INO, context))
    expect(now(fileSystem.readdir(folder, 0, context)).map(({ name }) => name)).toContain('a')
    const entries = now(fileSystem.readdirPlus(folder, 0, context))
    now(fileSystem.releasedir(folder))
    fileSystem.forget(ino, 1)
    for (const { entry } of entries) fileSystem.forget(entry.ino, 1)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('is refused at once too', async () => {
    await test.names()
    const { fileSystem } = test.drive
    expect(() => fileSystem.lookup(ROOT_INO, 'b', test.context())).toThrow('ENOENT')
    expect(() => fileSystem.lookup(99_999 as never, 'b', test.context())).toThrow('ESTALE')
  })

  it('is asked for again when it is too old', async () => {
    const ino = await test.ino('a')
    await test.outdate()
    const answer = test.drive.fileSystem.getattr(ino, undefined, test.context())
    expect(answer).toBeInstanceOf(Promise)
    await answer
  })
})
