/** Somebody else saves in the moment between the last chunk of an upload and the look at what it has become. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RemoteEntry } from '../../../../src/remote/types.ts'
import { bytesSource, scriptedRemote, type ScriptedRemote } from '../../../fakes/scripted-remote.ts'
import {
  NEW_ENTITY,
  OLD_ENTITY,
  OTHER_ENTITY,
  serveFile,
  type RemoteFile,
} from '../../../fakes/remote-file.ts'

const mine = Buffer.from('mine_!')
let scripted: ScriptedRemote
let file: RemoteFile

beforeEach(async () => {
  scripted = await scriptedRemote()
})

afterEach(() => scripted.stop())

/** In a session, as it has a time. */
function upload(): Promise<RemoteEntry> {
  const request = {
    path: ['a.txt'],
    previous: OLD_ENTITY,
    source: bytesSource(mine),
    modifiedAtMs: 1_600_000_000_123,
  }
  return scripted.remote.upload(request)
}

function saveAfterTheLastChunk(bytes: Buffer, then: () => void = () => undefined): void {
  file = serveFile(scripted.server)
  scripted.server.on('POST /file/upload/*/*', (exchange) => {
    const answer = file.chunk(exchange)
    file.storeAsOther(bytes)
    then()
    return answer
  })
}

describe('when every chunk was answered, and somebody else saves in the last moment', () => {
  it('what he saved is not taken for ours, of the same size though it is [C6]', async () => {
    saveAfterTheLastChunk(Buffer.from('theirs'))
    await expect(upload()).rejects.toMatchObject({ kind: 'stale' })
    expect(file.bytes.toString()).toBe('theirs')
  })

  it('his save of the same bytes is no conflict', async () => {
    saveAfterTheLastChunk(mine)
    await expect(upload()).resolves.toMatchObject({ entity: OTHER_ENTITY })
  })

  it('of another size, nothing is read', async () => {
    saveAfterTheLastChunk(Buffer.from('longer than ours'))
    await expect(upload()).rejects.toMatchObject({ kind: 'stale' })
    expect(scripted.server.counts['POST /file/url']).toBeUndefined()
  })

  describe('on a drive that keeps no versions', () => {
    beforeEach(async () => {
      await scripted.stop()
      scripted = await scriptedRemote({}, (server) => {
        server.on('GET /user/setting', { data: { version_retention_enabled: false } })
      })
    })

    it('what he saved is not taken for ours either [C6]', async () => {
      saveAfterTheLastChunk(Buffer.from('theirs'), () => file.keepsNothing())
      await expect(upload()).rejects.toMatchObject({ kind: 'stale' })
    })

    it('our own is known by the id that it had before, for one request more', async () => {
      file = serveFile(scripted.server)
      await expect(upload()).resolves.toMatchObject({ entity: NEW_ENTITY })
      const { 'GET /file/info': looks, 'POST /file/url': urls } = scripted.server.counts
      expect([looks, urls]).toEqual([2, undefined])
    })

    it('nothing is read where the last answer was lost', async () => {
      file = serveFile(scripted.server)
      scripted.server.on('POST /file/upload/*/*', (exchange) => {
        file.chunk(exchange)
        file.keepsNothing()
        return { code: 40011, msg: 'Upload session expired' }
      })
      await expect(upload()).resolves.toMatchObject({ entity: NEW_ENTITY })
      expect(scripted.server.counts['POST /file/url']).toBeUndefined()
    })
  })
})
