import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EntityId, UploadRequest } from '../../../../src/remote/types.ts'
import { embeddedRemote, type EmbeddedRemote } from '../../../fakes/embedded-remote.ts'
import { bytesSource } from '../../../fakes/scripted-remote.ts'

let test: EmbeddedRemote

beforeEach(async () => {
  test = await embeddedRemote({ isBefore411: true })
})

afterEach(async () => {
  expect(await test.stop()).toEqual([])
})

const upload = (text: string, request: Partial<UploadRequest> = {}) =>
  test.remote.upload({
    path: ['new', 'a.txt'],
    previous: 'absent',
    source: bytesSource(Buffer.from(text)),
    modifiedAtMs: 1_600_000_000_000,
    ...request,
  })

describe('a server older than 4.11, which looks at no previous content', () => {
  it('is told the storage policy once it has asked, and found to be one only once', async () => {
    const { entity } = await upload('first')
    expect(test.server.requests.count('PUT /file/upload')).toBe(2)
    test.server.requests.clear()
    await upload('second', { previous: entity! })
    expect(test.server.requests.count('PUT /file/upload')).toBe(1)
  })

  it.each([
    ['is new', 'absent', undefined],
    ['is another version', 'nobody’s', 'first'],
  ] as const)('loses nothing of somebody else where the content %s [C7]', async (_, previous, before) => {
    if (before !== undefined) await upload(before)
    await upload('of somebody else', { ...(before !== undefined && { previous: (await entityNow())! }) })
    const late = upload('ours', { previous: previous as EntityId | 'absent' })
    await expect(late).rejects.toMatchObject({ kind: 'stale' })
    expect((await test.remote.info(['new', 'a.txt'])).sizeBytes).toBe('of somebody else'.length)
  })
})

async function entityNow(): Promise<EntityId | undefined> {
  return (await test.remote.info(['new', 'a.txt'])).entity
}
