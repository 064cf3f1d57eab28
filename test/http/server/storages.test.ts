import { describe, expect, it } from 'vitest'
import type { WireUploadCredential } from '../../../src/api/types.ts'
import type { PolicyType } from '../../../src/server/index.ts'
import { my, withServer, type TestClient } from './client.ts'

const OCTETS = { 'content-type': 'application/octet-stream' }

async function open(client: TestClient, size = 10): Promise<WireUploadCredential> {
  const answer = await client.call('PUT', '/file/upload', { uri: my('/up'), size })
  expect(answer.code).toBe(0)
  return answer.data as WireUploadCredential
}

async function send(
  method: string,
  url: string,
  body: string | FormData | undefined,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; etag: string }> {
  // Kept connections would hold up the end of a test's server.
  const response = await fetch(url, {
    method,
    headers: { connection: 'close', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? Buffer.from(body) : body }),
  })
  return { status: response.status, text: await response.text(), etag: response.headers.get('etag') ?? '' }
}

const withStorage = (policyType: PolicyType, test: Parameters<typeof withServer>[1]) =>
  withServer({ policyType, chunkSizeBytes: 4 }, test)

const partList = (...parts: (readonly [number, string])[]) =>
  `<CompleteMultipartUpload>${parts
    .map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`)
    .join('')}</CompleteMultipartUpload>`

const fragment = (url: string, start: number, body: string, total = 10) =>
  send('PUT', url, body, { 'content-range': `bytes ${start}-${start + body.length - 1}/${total}` })

function form(fields: [string, string][]): FormData {
  const data = new FormData()
  for (const [name, value] of fields) data.append(name, name === 'file' ? new Blob([value]) : value)
  return data
}

describe('embedded server: object stores', () => {
  it('take no chunk at the server itself', () =>
    withStorage('s3', async (client) => {
      const { session_id: id } = await open(client)
      expect((await client.call('POST', `/file/upload/${id}/0`, Buffer.from('0123'))).code).toBe(40006)
    }))

  it.each([
    ['without a signature', (url: string) => url.replace(/&signature=.*/, ''), OCTETS, 'AccessDenied'],
    ['of another part', (url: string) => url.replace('/1?', '/2?'), OCTETS, 'SignatureDoesNotMatch'],
    ['of another type', (url: string) => url, { 'content-type': 'text/plain' }, 'SignatureDoesNotMatch'],
    ['with a token', (url: string) => url, { ...OCTETS, authorization: 'Bearer x' }, 'InvalidArgument'],
    [
      'with a header of Cloudreve',
      (url: string) => url,
      { ...OCTETS, 'x-cr-client-id': 'x' },
      'InvalidArgument',
    ],
  ])('refuse a part %s', (_, change, headers, code) =>
    withStorage('s3', async (client) => {
      const { upload_urls: [url = ''] = [] } = await open(client)
      const { status, text } = await send('PUT', change(url), '0123', headers)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(text).toContain(`<Code>${code}</Code>`)
    }),
  )

  it('refuse a part of another size', () =>
    withStorage('s3', async (client) => {
      const { upload_urls: [url = ''] = [] } = await open(client)
      expect((await send('PUT', url, '012', OCTETS)).status).toBe(403)
    }))

  it('say when their URLs have expired', () =>
    withStorage('s3', async (client, server) => {
      const { upload_urls: [url = ''] = [] } = await open(client)
      server.admin.expireUploads()
      expect(await send('PUT', url, '0123', OCTETS)).toMatchObject({
        status: 403,
        text: expect.stringContaining('Request has expired') as string,
      })
    }))

  it('want all parts by name and in order, and the file is there only after the callback', () =>
    withStorage('s3', async (client, server) => {
      const session = await open(client)
      const {
        session_id: id,
        callback_secret: secret,
        upload_urls: urls = [],
        completeURL: end = '',
      } = session
      const etags: string[] = []
      for (const [i, text] of ['0123', '4567', '89'].entries())
        etags.push((await send('PUT', urls[i]!, text, OCTETS)).etag)
      const [a = '', b = '', c = ''] = etags
      expect((await send('POST', end, '', OCTETS)).text).toContain('MalformedXML')
      expect((await send('POST', end, partList([2, b], [1, a], [3, c]), OCTETS)).text).toContain(
        'InvalidPartOrder',
      )
      expect((await send('POST', end, partList([1, b], [2, b], [3, c]), OCTETS)).text).toContain(
        'InvalidPart',
      )
      const callback = (type: string, key: string) => client.raw('GET', `/callback/${type}/${id}/${key}`)
      expect((await callback('s3', secret)).status).toBe(400)
      expect((await send('POST', end, partList([1, a], [2, b], [3, c]), OCTETS)).status).toBe(200)
      expect((await send('POST', end, partList([1, a], [2, b], [3, c]), OCTETS)).text).toContain(
        'NoSuchUpload',
      )
      expect((await client.info('/up')).data).toMatchObject({ size: 0 })
      expect((await callback('s3', 'wrong')).status).toBe(401)
      expect((await callback('cos', secret)).status).toBe(401)
      expect(await (await callback('s3', secret)).json()).toMatchObject({ code: 0 })
      const again = await callback('s3', secret)
      expect([again.status, ((await again.json()) as { code: number }).code]).toEqual([401, 40011])
      expect((await server.admin.read('/up')).toString()).toBe('0123456789')
    }))

  it('that were told of too few parts hold an object of another size, which the server refuses', () =>
    withStorage('ks3', async (client) => {
      const session = await open(client)
      const { etag } = await send('PUT', session.upload_urls![0]!, '0123', OCTETS)
      expect((await send('POST', session.completeURL!, partList([1, etag]), OCTETS)).status).toBe(200)
      const path = `/callback/ks3/${session.session_id}/${session.callback_secret}`
      const answer = await client.raw('GET', path)
      expect([answer.status, ((await answer.json()) as { code: number }).code]).toEqual([400, 40055])
    }))

  it.each([
    ['cos', {}],
    ['oss', { 'x-oss-forbid-overwrite': 'true' }],
  ] as const)('%s wants the headers that its signature covers', (type, headers) =>
    withStorage(type, async (client) => {
      const { completeURL: end = '' } = await open(client)
      expect((await send('POST', end, '', { ...OCTETS, ...headers })).text).toContain('SignatureDoesNotMatch')
    }),
  )

  it('oss and obs say when the server did not take their call', () =>
    withStorage('oss', async (client) => {
      const { completeURL: end = '', upload_urls: [url = ''] = [] } = await open(client)
      await send('PUT', url, '0123', OCTETS)
      const headers = { ...OCTETS, 'x-oss-forbid-overwrite': 'true', 'x-oss-complete-all': 'yes' }
      expect((await send('POST', end, '', headers)).status).toBe(203)
      expect((await client.info('/up')).data).toMatchObject({ size: 0 })
    }))
})

describe('embedded server: a slave node', () => {
  it.each([
    ['without its credential', {}, 403],
    ['with a token', { authorization: 'Bearer x' }, 40071],
    ['with a header of Cloudreve', { authorization: 'right', 'x-cr-client-id': 'x' }, 40071],
  ])('refuses a chunk %s', (_, headers, code) =>
    withStorage('remote', async (client) => {
      const { credential = '', upload_urls: [url = ''] = [] } = await open(client)
      const sent =
        'authorization' in headers && headers.authorization === 'right' ? { authorization: credential } : {}
      const { text } = await send('POST', `${url}?chunk=0`, '0123', { ...OCTETS, ...headers, ...sent })
      expect((JSON.parse(text) as { code: number }).code).toBe(code)
    }),
  )

  it('counts sizes and indexes, and tells the server by itself', () =>
    withStorage('remote', async (client, server) => {
      const { credential: authorization = '', upload_urls: [url = ''] = [] } = await open(client)
      const chunk = async (index: number, body: string) => {
        const { text } = await send('POST', `${url}?chunk=${index}`, body, { ...OCTETS, authorization })
        return (JSON.parse(text) as { code: number }).code
      }
      expect([await chunk(0, '012'), await chunk(3, ''), await chunk(0, '0123')]).toEqual([40013, 40013, 0])
      expect([await chunk(2, '89'), await chunk(1, '4567'), await chunk(1, '4567')]).toEqual([0, 0, 40011])
      expect((await server.admin.read('/up')).toString()).toBe('0123456789')
    }))
})

describe('embedded server: OneDrive', () => {
  it('takes fragments in order alone, and says how far it is', () =>
    withStorage('onedrive', async (client, server) => {
      const session = await open(client)
      const url = session.upload_urls![0]!
      expect((await fragment(url, 4, '4567')).text).toContain('fragmentOutOfOrder')
      expect((await fragment(url, 0, '0123', 11)).status).toBe(400)
      expect((await send('PUT', url, '0123')).text).toContain('missingContentRange')
      expect((await send('PUT', url, '0123', { authorization: 'Bearer x' })).status).toBe(401)
      expect(await fragment(url, 0, '0123')).toMatchObject({
        status: 202,
        text: '{"nextExpectedRanges":["4-"]}',
      })
      expect((await fragment(url, 0, '0123')).text).toContain('fragmentOverlap')
      expect((await send('GET', url, undefined)).text).toBe('{"nextExpectedRanges":["4-"]}')
      const callback = `/callback/onedrive/${session.session_id}/${session.callback_secret}`
      expect((await client.call('POST', callback)).code).toBe(40055)
      await fragment(url, 4, '4567')
      expect((await fragment(url, 8, '89')).status).toBe(201)
      expect((await send('GET', url, undefined)).status).toBe(404)
      expect((await client.info('/up')).data).toMatchObject({ size: 0 })
      expect((await client.call('POST', callback)).code).toBe(0)
      expect((await server.admin.read('/up')).toString()).toBe('0123456789')
    }))
})

describe('embedded server: Qiniu', () => {
  it('wants its token, and all parts by name', () =>
    withStorage('qiniu', async (client) => {
      const { credential, upload_urls: [url = ''] = [] } = await open(client)
      expect((await send('PUT', `${url}/1`, '0123')).status).toBe(401)
      const headers = { authorization: `UpToken ${credential}` }
      expect((await send('PUT', `${url}/1`, '012', headers)).status).toBe(400)
      const { text } = await send('PUT', `${url}/1`, '0123', headers)
      const { etag } = JSON.parse(text) as { etag: string }
      const complete = (parts: unknown[]) => send('POST', url, JSON.stringify({ parts }), headers)
      expect((await complete([{ etag: 'x', partNumber: 1 }])).status).toBe(400)
      // Too few: stored, but the server does not take it.
      expect((await complete([{ etag, partNumber: 1 }])).status).toBe(579)
    }))
})

describe('embedded server: Upyun', () => {
  it('wants the policy, its signature and the type, and the file last', () =>
    withStorage('upyun', async (client, server) => {
      const credential = await open(client)
      const { upload_urls: [url = ''] = [], upload_policy = '', mime_type = '' } = credential
      const policy: [string, string] = ['policy', upload_policy]
      const authorization: [string, string] = ['authorization', credential.credential!]
      const type: [string, string] = ['content-type', mime_type]
      const file: [string, string] = ['file', '0123456789']
      expect((await send('POST', url, form([policy, type, file]))).status).toBe(401)
      expect((await send('POST', url, form([policy, authorization, file]))).status).toBe(400)
      expect((await send('POST', url, form([file, policy, authorization, type]))).status).toBe(400)
      const right = form([policy, authorization, type, file])
      expect((await send('POST', url, right, { authorization: 'Bearer x' })).status).toBe(401)
      expect((await send('POST', url, form([policy, authorization, type, file]))).status).toBe(200)
      // It tells the server after its answer.
      await new Promise((resolve) => setImmediate(resolve))
      expect((await server.admin.read('/up')).toString()).toBe('0123456789')
    }))
})
