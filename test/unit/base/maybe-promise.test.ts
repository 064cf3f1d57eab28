import { describe, expect, it } from 'vitest'
import { andThen, orElse } from '../../../src/base/maybe-promise.ts'

const failing = (): number => {
  throw new Error('no')
}
const messageOf = (error: unknown) => (error as Error).message.length

describe('a value that may be waited for', () => {
  it('goes on at once when it is there, and later when it is not', async () => {
    expect(andThen(1, (value) => value + 1)).toBe(2)
    expect(await andThen(Promise.resolve(1), (value) => value + 1)).toBe(2)
  })

  it('fails the way it is asked for', async () => {
    expect(() => andThen(1, failing)).toThrow('no')
    await expect(andThen(Promise.resolve(1), failing)).rejects.toThrow('no')
  })

  it('whose work fails is replaced, at once or later', async () => {
    expect(orElse(failing, messageOf)).toBe(2)
    expect(await orElse(async () => failing(), messageOf)).toBe(2)
    expect([orElse(() => 7, messageOf), await orElse(async () => 7, messageOf)]).toEqual([7, 7])
  })
})
