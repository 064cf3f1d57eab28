import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { connectCloudreve } from '../../../../src/remote/cloudreve/index.ts'
import type { Remote } from '../../../../src/remote/remote.ts'
import type { RemoteEntry, UploadRequest } from '../../../../src/remote/types.ts'
import type { ServerOptions } from '../../../../src/server/index.ts'
import { embeddedRemote, listAll, type EmbeddedRemote } from '../../../fakes/embedded-remote.ts'
import { bytesSource } from '../../../fakes/scripted-remote.ts'

let embedded: EmbeddedRemote

afterEach(async () => {
  expect(await embedded.stop()).toEqual([])
})

async function start(...options: Parameters<typeof embeddedRemote>): Promise<Remote> {
  embedded = await embeddedRemote(...options)
  return embedded.remote
}

function put(path: string, bytes: Uint8Array, request: Partial<UploadRequest> = {}): Promise<RemoteEntry> {
  const source = bytesSource(bytes)
  return embedded.remote.upload({ path: path.split('/'), previous: 'absent', source, ...request })
}

const counts = () => embedded.server.requests.summary()

describe('connecting', () => {
  it('costs version, settings, user, space, what is kept of versions and one page of the root', async () => {
    const { facts } = await start()
    const { server } = embedded
    const { tokenSource } = await signedIn()
    server.requests.clear()
    const other = await connectCloudreve({
      origin: server.url,
      tokenSource,
      rootUri: 'cloudreve://my',
      clock: embedded.clock,
    })
    expect(server.requests.count()).toBe(6)
    expect(facts).toMatchObject({ origin: server.url, readOnly: false, maxFileNameBytes: 238 })
    expect(facts.uriOf(['a b', '#'])).toBe('cloudreve://my/a%20b/%23')
    expect(await other.capacity()).toMatchObject({ usedBytes: 0 })
    await other.close()
  })

  it('to a folder that is not there is "not-found"', async () => {
    await start()
    const { tokenSource } = await signedIn()
    const connecting = connectCloudreve({
      origin: embedded.server.url,
      tokenSource,
      rootUri: 'cloudreve://my/nowhere',
      clock: embedded.clock,
    })
    await expect(connecting).rejects.toMatchObject({ kind: 'not-found' })
  })
})

async function signedIn() {
  const { passwordSession } = await import('../../../../src/auth/session.ts')
  const { url, email, password } = embedded.server
  return passwordSession(url, { email, password }, { clock: embedded.clock })
}

describe('the tree', () => {
  it('is made, listed, renamed, moved, copied and removed with one request each', async () => {
    const remote = await start()
    const folder = await remote.createFolder(['a', 'b'])
    expect(folder).toMatchObject({ kind: 'folder', name: 'b', entity: undefined })
    const file = await remote.createFile(['a', 'x.txt'], { 'customize:k': 'v' })
    expect(file).toMatchObject({
      kind: 'file',
      sizeBytes: 0,
      entity: undefined,
      metadata: { 'customize:k': 'v' },
    })
    await expect(remote.createFile(['a', 'x.txt'], {})).rejects.toMatchObject({ kind: 'exists' })
    expect(await remote.rename(['a', 'x.txt'], 'y.txt')).toMatchObject({ id: file.id, name: 'y.txt' })
    await remote.move([['a', 'y.txt']], ['a', 'b'])
    await remote.copy([['a', 'b']], [])
    expect((await listAll(remote, ['b'])).map(({ name, metadata }) => [name, metadata])).toEqual([
      ['y.txt', { 'customize:k': 'v' }],
    ])
    expect(await remote.infoById(file.id)).toMatchObject({ uri: 'cloudreve://my/a/b/y.txt' })
    await remote.remove([['a'], ['a', 'b'], ['a', 'b', 'y.txt'], ['a']])
    await expect(remote.infoById(file.id)).rejects.toMatchObject({ kind: 'not-found' })
    expect(counts()).toEqual({
      'POST /file/create': 3,
      'POST /file/rename': 1,
      'POST /file/move': 2,
      'GET /file': 1,
      'GET /file/info': 2,
      'DELETE /file': 1,
    })
    expect(embedded.server.admin.trash()).toEqual(['cloudreve://my/a'])
  })

  it('keeps nothing in the recycle bin when told so', async () => {
    const remote = await start()
    const { id } = await put('gone', Buffer.from('x'))
    await remote.remove([['gone']], { permanently: true })
    expect(embedded.server.admin.trash()).toEqual([])
    await expect(remote.infoById(id)).rejects.toMatchObject({ kind: 'not-found' })
  })

  it('moves an object and what lies below it to one folder, in as many calls as that takes', async () => {
    const remote = await start()
    await remote.createFile(['a', 'b', 'c'], {})
    await remote.createFolder(['to'])
    await remote.move([['a'], ['a', 'b'], ['a', 'b', 'c'], ['a']], ['to'])
    expect((await listAll(remote, ['to'])).map(({ name }) => name).toSorted()).toEqual(['a', 'b', 'c'])
    expect(counts()['POST /file/move']).toBe(3)
  })

  it('splits what is more than the server takes in one call', async () => {
    const remote = await start({ maxBatchSize: 4 })
    const paths = Array.from({ length: 10 }, (_, i) => [`f${i}`])
    for (const path of paths) await remote.createFile(path, {})
    await remote.remove(paths)
    expect(await listAll(remote, [])).toEqual([])
    expect(counts()['DELETE /file']).toBe(3)
  })

  it('never lets a name replace another', async () => {
    const remote = await start()
    await remote.createFolder(['d'])
    for (const path of [['a'], ['b'], ['d', 'a']]) await remote.createFile(path, {})
    await expect(remote.rename(['a'], 'b')).rejects.toMatchObject({ kind: 'exists' })
    await expect(remote.move([['a']], ['d'])).rejects.toMatchObject({ kind: 'exists' })
    await expect(remote.rename(['a'], 'x:y')).rejects.toMatchObject({ kind: 'bad-name' })
  })

  it('does what it can of a batch and names what it could not', async () => {
    const remote = await start()
    await remote.createFile(['a'], {})
    const removing = remote.remove([['a'], ['gone 1'], ['gone 2']])
    await expect(removing).rejects.toMatchObject({
      kind: 'not-found',
      message: expect.stringMatching(/gone%201.*gone%202/) as string,
    })
    expect(embedded.server.admin.exists('/a')).toBe(false)
    await expect(remote.remove([['gone']])).rejects.toMatchObject({ kind: 'not-found', code: 40016 })
  })

  it.each<[string, ServerOptions]>([
    ['by cursor', { maxPageSize: 4 }],
    ['by number', { maxPageSize: 4, offsetPaging: true }],
  ])('is complete when pages come %s and folders fill them', async (_, options) => {
    const remote = await start(options)
    for (const [folders, files] of [
      [4, 3],
      [8, 5],
      [4, 0],
      [3, 9],
      [0, 4],
    ] as const) {
      const folder = `${folders}-${files}`
      // Files first: older than the folders, which is when the server's cursor loses them.
      for (let i = 0; i < files; i += 1) await remote.createFile([folder, `f${i}`], {})
      for (let i = 0; i < folders; i += 1) await remote.createFolder([folder, `d${i}`])
      if (folders + files > 0) expect((await listAll(remote, [folder])).length, folder).toBe(folders + files)
    }
  })

  it('takes metadata for many objects in one request', async () => {
    const remote = await start()
    const paths = [['a'], ['b'], ['a']]
    for (const path of paths.slice(0, 2)) await remote.createFile(path, { 'customize:old': '1' })
    await remote.patchMetadata(paths, [
      { key: 'customize:new', value: '2' },
      { key: 'customize:old', value: undefined },
    ])
    expect(counts()['PATCH /file/metadata']).toBe(1)
    expect((await listAll(remote, [])).map(({ metadata }) => metadata)).toEqual([
      { 'customize:new': '2' },
      { 'customize:new': '2' },
    ])
  })
})

describe('a server that cannot be reached', () => {
  it('is "offline" after a few quick tries, and serves again when it is back', async () => {
    const remote = await start()
    await put('a', Buffer.from('x'))
    await embedded.server.goOffline()
    const offline = { kind: 'offline' }
    await expect(remote.info(['a'])).rejects.toMatchObject(offline)
    await expect(remote.rename(['a'], 'b')).rejects.toMatchObject(offline)
    await expect(put('c', Buffer.from('y'))).rejects.toMatchObject(offline)
    await expect(listAll(remote, [])).rejects.toMatchObject(offline)
    await embedded.server.goOnline()
    expect((await listAll(remote, [])).map(({ name }) => name)).toEqual(['a'])
  })

  it('leaves the outcome of a change unknown when its answer is lost', async () => {
    const remote = await start()
    await put('a', Buffer.from('x'))
    embedded.server.faults.add({ route: 'POST /file/rename', kind: 'lostAnswer' })
    await expect(remote.rename(['a'], 'b')).rejects.toMatchObject({ kind: 'unknown-outcome' })
    expect(embedded.server.admin.exists('/b')).toBe(true)
  })

  it('behind a proxy with a page of its own is a failure that may pass', async () => {
    const remote = await start()
    const page = {
      kind: 'status',
      status: 502,
      body: '<html>Bad Gateway</html>',
      contentType: 'text/html',
    } as const
    embedded.server.faults.add({ route: 'GET /file/info', times: 2, ...page })
    await put('a', Buffer.from('x'))
    expect(await remote.info(['a'])).toMatchObject({ name: 'a' })
    embedded.server.faults.add({ route: 'GET /file/info', times: 9, ...page })
    await expect(remote.info(['a'])).rejects.toMatchObject({ kind: 'server' })
  })
})

describe('histories', () => {
  const query = { filter: 'all', direction: 'desc', cursor: undefined, pageSize: 10 } as const

  it('of a Pro server come page by page', async () => {
    const remote = await start({ pro: true })
    let entry = await put('a', Buffer.from('0'))
    for (let i = 1; i < 15; i += 1)
      entry = await put('a', Buffer.from(String(i)), { previous: entry.entity! })
    const first = await remote.activities(['a'], query)
    const second = await remote.activities(['a'], { ...query, cursor: first.nextCursor })
    expect(first).toMatchObject({ derived: false })
    expect(first.activities.length).toBe(10)
    const times = [...first.activities, ...second.activities].map(({ atMs }) => atMs)
    expect(times).toEqual(times.toSorted((a, b) => b - a))
    expect(first.activities[0]).toMatchObject({ category: 10, version: entry.entity })
    expect((await remote.activities(['a'], { ...query, filter: 'reads' })).activities).toEqual([])
  })

  it('of a community server are put together, and the call that it lacks is tried once', async () => {
    const remote = await start()
    let entry = await put('a', Buffer.from('0'))
    for (let i = 1; i < 4; i += 1) {
      embedded.clock.advance(10_000)
      entry = await put('a', Buffer.from(String(i)), { previous: entry.entity! })
    }
    embedded.server.requests.clear()
    const pages = [await remote.activities(['a'], { ...query, pageSize: 3 })]
    pages.push(await remote.activities(['a'], { ...query, pageSize: 3, cursor: pages[0]?.nextCursor }))
    expect(
      pages.map(({ derived, activities }) => [derived, activities.map(({ category }) => category)]),
    ).toEqual([
      [true, [10, 10, 10]],
      [true, [10, 7]],
    ])
    expect(pages[1]?.nextCursor).toBeUndefined()
    expect(pages[0]?.activities[0]).toMatchObject({
      version: entry.entity,
      user: { id: remote.facts.userId },
    })
    const oldest = await remote.activities(['a'], { ...query, direction: 'asc', filter: 'updates' })
    expect(oldest.activities.map(({ category }) => category)).toEqual([7, 10, 10, 10, 10])
    expect((await remote.activities(['a'], { ...query, filter: 'reads' })).activities).toEqual([])
    expect(counts()['GET /file/activities'] ?? counts()['GET ?']).toBe(1)
    const { versions } = await remote.details(['a'])
    expect(versions.map(({ isCurrent }) => isCurrent)).toEqual([true, false, false, false])
  })
})

describe('a share', () => {
  it('is read by a visitor without an account, and its password shows nowhere', async () => {
    await start()
    const entry = await put('shared/sub/a.txt', Buffer.from('hello'))
    const url = await embedded.api.call({
      method: 'PUT',
      path: '/share',
      json: { uri: 'cloudreve://my/shared', is_private: true, password: 'hunter2' },
      schema: z.string(),
      repeat: 'once',
      subject: 'a share',
    })
    const id = /\/s\/([^/]+)/.exec(url)?.[1] ?? ''
    const rootUri = `cloudreve://${id}:hunter2@share`
    const visitor = await connectCloudreve({ origin: embedded.server.url, rootUri, clock: embedded.clock })
    expect(visitor.facts).toMatchObject({ readOnly: true, userId: '' })
    const [found] = await listAll(visitor, ['sub'])
    expect(found).toMatchObject({ name: 'a.txt', entity: entry.entity })
    const content = { path: () => ['sub', 'a.txt'], entity: entry.entity!, sizeBytes: 5 }
    expect(Buffer.from(await visitor.readRange(content, { start: 1, end: 4 })).toString()).toBe('ell')
    const missing = (await visitor.info(['nowhere']).catch((error: unknown) => error)) as Error
    const texts = [
      JSON.stringify(found),
      visitor.facts.uriOf(['sub']),
      missing.message,
      String(missing.cause),
    ]
    expect(texts.join('\n')).not.toContain('hunter2')
    await expect(visitor.createFolder(['x'])).rejects.toMatchObject({ kind: 'denied' })
    await visitor.close()
    const wrong = connectCloudreve({
      origin: embedded.server.url,
      rootUri: `cloudreve://${id}:nope@share`,
      clock: embedded.clock,
    })
    await expect(wrong).rejects.toMatchObject({ kind: 'denied' })
  })
})
