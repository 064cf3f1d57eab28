import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TellingClient } from '../../../fakes/telling-client.ts'
import type { TestDrive } from '../../../fakes/test-drive.ts'
import { openFollowing } from './following-drive.ts'

let test: TestDrive

beforeEach(async () => {
  test = await openFollowing()
  test.remote.feed.tell({ kind: 'live' })
  await test.clock.advance(30_001)
})

afterEach(() => test.stop())

describe('a known folder that others have moved', () => {
  it.each([
    ['a file', 'a'],
    ['another folder', 'e'],
  ])('into a new one, in the place of %s: what comes into it later is seen [E8]', async (_, top) => {
    for (const folder of ['', 'd', 'e']) await test.names(folder)
    const client = new TellingClient({ remote: test.remote, clock: test.clock })
    client.remove(top)
    client.put(`${top}/in`, 'x')
    client.move('d', `${top}/b`)
    await test.clock.advance(5_000)
    client.put(`${top}/b/new`, 'new')
    await test.clock.advance(7_000)
    expect(await test.names(`${top}/b`)).toEqual(['f', 'new'])
  })
})
