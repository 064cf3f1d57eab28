import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type EmbeddedServer } from '../../../src/server/index.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'
import { my, TestClient } from './client.ts'

interface Recorded {
  name: string
  request: {
    method: string
    path: string
    query?: Record<string, string | number>
    json?: unknown
    bytes?: number
    headers?: Record<string, string>
  }
  answer: { status: number; headers?: Record<string, string>; json?: unknown; text?: string; bytes?: number }
}

const folder = join(import.meta.dirname, '../../fixtures/api')
const recordings = readFileSync(join(folder, 'live-4.18.0.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Recorded)

/** Where an answer may differ from the recording, and why. A path is `data.files[].name`; `*` is everything below. */
const allowed: { recording: string; path: string; reason: string }[] = [
  { recording: '*', path: 'msg', reason: 'sentences are free: clients never match on them' },
  { recording: '*', path: 'aggregated_error.*.msg', reason: 'sentences are free' },
  { recording: 'ping', path: 'data', reason: 'the recorded server had no version built in' },
  { recording: 'config basic', path: 'data.themes', reason: 'colours of a web page that we do not have' },
  { recording: 'config thumb', path: 'data.thumb_exts', reason: 'pictures alone have thumbnails here' },
  { recording: 'config login', path: 'data', reason: 'the terms are those of this server' },
  { recording: 'captcha', path: 'data.image', reason: 'every picture is another one' },
  { recording: 'capacity', path: 'data.used', reason: 'the recorded drive held other files' },
  { recording: 'list root', path: 'data.files', reason: 'the recorded drive held other files' },
  { recording: 'trash', path: 'data.files', reason: 'the recorded trash held other files' },
  { recording: 'trash', path: 'data.pagination', reason: 'the recorded trash had a second page' },
  { recording: 'trash', path: 'headers.content-length', reason: 'the recorded trash was longer' },
  { recording: 'list root', path: 'headers.content-length', reason: 'the recorded root was longer' },
  { recording: 'webdav accounts', path: 'data.accounts', reason: 'there is no WebDAV here' },
]

/** Values that are made anew each time; their types and formats are compared, not their text. */
const volatileKeys = new Set([
  'correlation_id',
  'context_hint',
  'instance_id',
  'ticket',
  'access_token',
  'refresh_token',
  'callback_secret',
  'expires',
  'token',
  'url',
  'link',
  'created_at',
  'updated_at',
  'calculated_at',
  'access_expires',
  'refresh_expires',
  'sys:expected_collect_time',
])

/** Values that later requests refer to: what was recorded stands for what the embedded server made. */
const idKeys = new Set(['id', 'session_id', 'primary_entity', 'next_token', 'sys:upload_session_id'])

/** What the recording did between two recorded requests, so that the following ones find the same files. */
const unrecorded: Record<string, (client: TestClient) => Promise<void>> = {
  'page 1 of 3 (no defect)': async (client) => {
    for (const name of ['d0', 'd1', 'd2', 'd3'])
      await client.call('POST', '/file/create', { uri: my(`/Recorded/pages/${name}`), type: 'folder' })
    for (const name of ['a0', 'a1', 'a2']) await client.put(`/Recorded/pages/${name}`, 'x')
  },
}

describe('embedded server against the recorded one', () => {
  let server: EmbeddedServer
  let client: TestClient
  const ours = new Map<string, string>()
  let sign = ''
  const clock = new ManualClock()

  beforeAll(async () => {
    const user = { email: 'admin@example.com', password: 'not-a-secret', nickname: 'admin', admin: true }
    server = await startServer({ users: [user], clock })
    client = new TestClient(server)
  })
  afterAll(() => server.close())

  it.each(recordings)('$name', async (recorded) => {
    if (recorded.name.startsWith('event stream')) return compareEvents(recorded)
    await unrecorded[recorded.name]?.(client)
    const response = await send(recorded)
    const differences: string[] = []
    const note = (path: string, text: string) => {
      if (!isAllowed(recorded.name, path)) differences.push(`${path}: ${text}`)
    }
    if (response.status !== recorded.answer.status) note('status', `${response.status}`)
    compareHeaders(recorded, response, note)
    if (recorded.answer.json === undefined) {
      const text = await response.text()
      const expected = recorded.answer.text
      if (expected !== undefined && text !== expected) note('text', JSON.stringify(text))
    } else {
      const json = (await response.json()) as Record<string, unknown>
      remember(recorded, json)
      compare(recorded.answer.json, json, '', note)
    }
    expect(differences).toEqual([])
    return undefined
  })

  /** The recording subscribed, made and deleted a file, renamed one and wrote one, and waited for the events. */
  async function compareEvents({ answer }: Recorded): Promise<void> {
    const stream = await client.raw(
      'GET',
      `/file/events?uri=${encodeURIComponent(my('/Recorded'))}`,
      undefined,
      { 'x-cr-client-id': '6d0f6b4c-6f9f-4c0e-9a70-0b3c5e7f1a11' },
    )
    await client.put('/Recorded/brief.txt', 'x')
    await client.call('DELETE', '/file', { uris: [my('/Recorded/brief.txt')], skip_soft_delete: true })
    await client.call('POST', '/file/rename', { uri: my('/Recorded/b.txt'), new_name: 'c.txt' })
    await client.put('/Recorded/up.bin', 'changed')
    await clock.advance(5000)
    const expected = translate(answer.text!)
    const reader = stream.body!.getReader()
    let text = ''
    while (text.length < expected.length) text += new TextDecoder().decode((await reader.read()).value)
    await reader.cancel()
    expect(text).toBe(expected)
  }

  /** Sends a recorded request with our ids, tokens and signatures. */
  function send({ name, request }: Recorded): Promise<Response> {
    const query = Object.entries(request.query ?? {})
      .map(([key, value]) => `${key}=${encodeURIComponent(translate(String(value)))}`)
      .join('&')
    let path = translate(request.path).replace('/api/v4', '')
    if (name === 'content bad signature') path = path.replace('<sign>', sign.replace(/^./, 'x_'))
    path = path.replace('<sign>', sign)
    const body = request.json === undefined ? undefined : (translateJson(request.json) as object)
    const isAnonymous = request.headers !== undefined && !('Content-Type' in request.headers)
    const previous = client.token
    if (isAnonymous || name.startsWith('anonymous')) client.token = ''
    const bytes =
      request.bytes === undefined
        ? undefined
        : bytesOf(
            recordings.findIndex((r) => r.name === name),
            request.bytes,
          )
    const sent = client.raw(
      request.method,
      query === '' ? path : `${path}?${query}`,
      body ?? bytes,
      request.headers ?? {},
    )
    client.token = previous
    return sent
  }

  function remember({ name }: Recorded, json: Record<string, unknown>): void {
    const data = json['data'] as Record<string, unknown> | undefined
    if (name === 'sign in' || name === 'refresh') {
      const token = (name === 'sign in' ? data!['token'] : data) as Record<string, string>
      client.token = token['access_token']!
      client.refreshToken = token['refresh_token']!
    }
    if (name === 'url') sign = new URL((data!['urls'] as { url: string }[])[0]!.url).searchParams.get('sign')!
    if (name === 'share') ours.set('rJse', /\/s\/(\w+)/.exec(data as unknown as string)![1]!)
  }

  function translate(text: string): string {
    let result = text
    for (const [theirs, own] of ours) result = result.replaceAll(theirs, own)
    return result.replaceAll('<password>', 'not-a-secret').replaceAll('<token>', client.refreshToken)
  }

  function translateJson(value: unknown): unknown {
    return JSON.parse(
      JSON.stringify(value, (_key, item: unknown) => (typeof item === 'string' ? translate(item) : item)),
    )
  }

  type Note = (path: string, text: string) => void

  function compare(theirs: unknown, own: unknown, path: string, note: Note): void {
    const [kind, ownKind] = [kindOf(theirs), kindOf(own)]
    if (kind !== ownKind) return note(path, `${kind} was recorded, ${ownKind} came`)
    if (kind === 'array') return compareLists(theirs as unknown[], own as unknown[], path, note)
    if (kind === 'object')
      return compareObjects(theirs as Record<string, unknown>, own as Record<string, unknown>, path, note)
    const key = path.slice(path.lastIndexOf('.') + 1)
    if (idKeys.has(key)) {
      const known = ours.get(theirs as string)
      if (known !== undefined && known !== own) note(path, `${String(own)} instead of ${known}`)
      ours.set(theirs as string, own as string)
      return undefined
    }
    if (volatileKeys.has(key)) return undefined
    const expected =
      typeof theirs === 'string' ? translate(theirs).replace('https://drive.example.com', server.url) : theirs
    if (expected !== own) note(path, `${JSON.stringify(expected)} was recorded, ${JSON.stringify(own)} came`)
    return undefined
  }

  function compareLists(theirs: unknown[], own: unknown[], path: string, note: Note): void {
    if (theirs.length !== own.length) note(path, `${theirs.length} entries were recorded, ${own.length} came`)
    const isFree = theirs.length !== own.length
    for (const [i, item] of theirs.slice(0, own.length).entries())
      compare(item, own[i], isFree ? `${path}[]` : `${path}[${i}]`, note)
  }

  function compareObjects(
    theirs: Record<string, unknown>,
    own: Record<string, unknown>,
    path: string,
    note: Note,
  ): void {
    const prefix = path === '' ? '' : `${path}.`
    const ownKeys = new Set(Object.keys(own))
    for (const key of Object.keys(theirs)) {
      const name = translate(key)
      if (!ownKeys.delete(name)) note(`${prefix}${key}`, 'is missing')
      else compare(theirs[key], own[name], `${prefix}${key}`, note)
    }
    for (const key of ownKeys) note(`${prefix}${key}`, 'was not recorded')
  }
})

const comparedHeaders = [
  'content-type',
  'content-length',
  'cache-control',
  'accept-ranges',
  'etag',
  'content-range',
]

function compareHeaders(
  { answer }: Recorded,
  response: Response,
  note: (path: string, text: string) => void,
): void {
  const recorded = answer.headers ?? {}
  for (const name of comparedHeaders) {
    const path = `headers.${name}`
    if (name in recorded !== response.headers.has(name)) note(path, String(response.headers.get(name)))
    const isFixed = name !== 'content-length' && name !== 'etag'
    if (isFixed && name in recorded && response.headers.get(name) !== recorded[name])
      note(path, String(response.headers.get(name)))
  }
}

function isAllowed(recording: string, path: string): boolean {
  return allowed.some(
    (entry) =>
      (entry.recording === '*' || entry.recording === recording) &&
      (path === entry.path ||
        path.startsWith(`${entry.path}.`) ||
        path.startsWith(`${entry.path}[`) ||
        (entry.path.includes('*') && new RegExp(`^${entry.path.replace('*', '.*')}$`).test(path))),
  )
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value
}

/** Bytes of a recorded body: the recording kept their number alone, except where a later answer shows them. */
function bytesOf(index: number, length: number): Buffer {
  return recordings[index]!.name === 'put overwrite' ? Buffer.from('second one') : Buffer.alloc(length, 0x7b)
}
