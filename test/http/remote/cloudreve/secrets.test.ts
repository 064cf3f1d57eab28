import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { EntityId } from '../../../../src/remote/types.ts'
import {
  ACCESS_TOKEN,
  bytesSource,
  REFRESH_TOKEN,
  scriptedRemote,
  type ScriptedRemote,
} from '../../../fakes/scripted-remote.ts'
import { serveFile } from '../../../fakes/remote-file.ts'
import { ScriptedServer, type Handler } from '../../../fakes/scripted-server.ts'

const SHARE_PASSWORD = 'hunter2'
const SIGNATURE = 'sIgNaTuRe'
const secrets = [ACCESS_TOKEN, REFRESH_TOKEN, SHARE_PASSWORD, SIGNATURE]

let scripted: ScriptedRemote

afterEach(() => scripted.stop())

/** Ways in which a server, or what stands before it, can fail and talk too much. */
const failures: Record<string, Handler> = {
  'a cut connection': ({ response }) => void response.socket?.destroy(),
  'a signed-out account': ({ headers }) => ({
    code: 401,
    msg: `token ${headers.authorization?.slice(7)} expired`,
  }),
  'a talkative error': ({ headers }) => ({
    code: 50001,
    msg: `failed: ${headers.authorization} cloudreve://x:${SHARE_PASSWORD}@share`,
  }),
  'a page of a proxy': ({ headers, response }) =>
    void response
      .writeHead(502, { 'content-type': 'text/html' })
      .end(`<pre>${JSON.stringify(headers)}</pre>`),
  'a redirect': ({ response }) =>
    void response.writeHead(302, { location: `https://sso.example.com/?t=${ACCESS_TOKEN}` }).end(),
  'an answer of another shape': () => ({
    data: { access_token: ACCESS_TOKEN, uri: `cloudreve://x:${SHARE_PASSWORD}@share` },
  }),
  'an answer that is no JSON': ({ response }) => void response.end(`${ACCESS_TOKEN} {`),
}

describe('no secret shows in errors or logs', () => {
  it.each(Object.entries(failures))('with %s', async (_, fail) => {
    scripted = await scriptedRemote({ rootUri: `cloudreve://x:${SHARE_PASSWORD}@share` })
    const { server, remote, log } = scripted
    const signed = `${server.origin}/api/v4/file/content/E1/0/a?sign=${SIGNATURE}`
    server.on('POST /session/token/refresh', { code: 40020, msg: `bad ${REFRESH_TOKEN}` })
    for (const route of [
      'GET /file',
      'GET /file/info',
      'GET /user/capacity',
      'GET /file/activities',
      'GET /file/thumb',
      'GET /file/content/E1/0/a',
    ]) {
      server.on(route, fail)
    }
    server.on('GET /site/config/thumb', { data: { thumb_exts: ['png'] } })
    server.on('POST /file/url', { data: { urls: [{ url: signed }], expires: '2100-01-01T00:00:00Z' } })
    const content = { path: () => ['a'], entity: 'E1' as EntityId, sizeBytes: 10 }
    const query = { filter: 'all', direction: 'asc', cursor: undefined, pageSize: 10 } as const
    const errors = await Promise.all(
      [
        remote.info(['a']),
        remote.info([]),
        remote.capacity(),
        remote.activities(['a'], query),
        remote.thumbnailUrl(['a.png'], { metadata: {} }),
        remote.readRange(content, { start: 0, end: 10 }),
        remote.createFolder(['x']),
        remote.upload({ path: ['a'], previous: 'absent', source: bytesSource(Buffer.from('x')) }),
      ].map((work) =>
        work.then(
          () => 'no error',
          (error: unknown) => inspect(error, { depth: 10, showHidden: true }),
        ),
      ),
    )
    expect(errors).not.toContain('no error')
    const told = [...errors, ...log.lines].join('\n')
    expect(secrets.filter((secret) => told.includes(secret))).toEqual([])
  })
})

describe('cancelling a forgotten upload', () => {
  it.each([
    ['is fine when it is still there', {}],
    ['is fine when the file is gone', { code: 40016, msg: 'Path not exist' }],
    ['is fine when the session is gone', { code: 404, msg: 'Session not found' }],
  ])('%s', async (_, answer) => {
    scripted = await scriptedRemote()
    scripted.server.on('DELETE /file/upload', answer)
    await scripted.remote.cancelUpload({ id: 'S1', uri: 'cloudreve://my/a' })
    expect(JSON.parse(scripted.server.seen[0]?.body.toString() ?? '')).toEqual({
      id: 'S1',
      uri: 'cloudreve://my/a',
    })
  })

  it('says so when the server refuses', async () => {
    scripted = await scriptedRemote()
    scripted.server.on('DELETE /file/upload', { code: 40082, msg: 'Owner only' })
    await expect(scripted.remote.cancelUpload({ id: 'S1', uri: 'cloudreve://my/a' })).rejects.toMatchObject({
      kind: 'denied',
    })
  })
})

describe('a storage of another origin', () => {
  it.each(['remote', 's3', 'ks3', 'cos', 'oss', 'obs', 'qiniu', 'upyun', 'onedrive'])(
    'of the type %s gets neither token nor client id, and its refusal shows no secret',
    async (type) => {
      scripted = await scriptedRemote()
      const storage = await ScriptedServer.start()
      const url = `${storage.origin}/bucket?X-Amz-Signature=${SIGNATURE}`
      const credential = 'cReDeNtIaL'
      const file = serveFile(scripted.server)
      scripted.server.on('PUT /file/upload', (exchange) => {
        const { data } = file.open(exchange, { type })
        const more = { upload_urls: [url], completeURL: url, credential, callback_secret: 'sEcReT' }
        return { data: { ...data, ...more } }
      })
      for (const method of ['PUT', 'POST', 'GET'])
        storage.on(`${method} /bucket`, ({ headers, response }) => {
          response
            .writeHead(400)
            .end(`<Error><Code>Bad</Code><Message>${url} ${headers.authorization}</Message></Error>`)
          return undefined
        })
      const source = bytesSource(Buffer.alloc(900))
      const request = { path: ['a'], previous: 'absent', source, modifiedAtMs: 1_600_000_000_000 } as const
      const error = await scripted.remote.upload(request).catch((reason: unknown) => reason)
      await storage.stop()
      expect(storage.seen.length).toBeGreaterThan(0)
      const headers = storage.seen.map((seen) => JSON.stringify(seen.headers)).join('\n')
      expect(headers).not.toContain(ACCESS_TOKEN)
      expect(headers).not.toContain('x-cr-')
      const told = [inspect(error, { depth: 10, showHidden: true }), ...scripted.log.lines].join('\n')
      expect(error).toBeInstanceOf(Error)
      expect([...secrets, credential, 'sEcReT'].filter((secret) => told.includes(secret))).toEqual([])
    },
  )
})
