/** What somebody shares, as a mount of it connects: the server's answers, and what a person is told of them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { passwordSession } from '../../../src/auth/session.ts'
import { createDrive, ROOT_INO } from '../../../src/core/index.ts'
import { rootOf } from '../../../src/mount/root-of.ts'
import { uselessRoot } from '../../../src/mount/useless-root.ts'
import { MountError, type MountSpec } from '../../../src/mount/spec.ts'
import { connectCloudreve } from '../../../src/remote/cloudreve/index.ts'
import { formatUri } from '../../../src/api/uri.ts'
import type { Remote } from '../../../src/remote/remote.ts'
import { startServer, type EmbeddedServer, type ServerOptions } from '../../../src/server/index.ts'
import { ImpatientClock } from '../../fakes/impatient-clock.ts'
import { RecordingLog } from '../../fakes/scripted-remote.ts'
import { my, TestClient } from '../server/client.ts'

const PASSWORD = 'hunter2'

let server: EmbeddedServer
let owner: TestClient
let clock: ImpatientClock
let log: RecordingLog
let ends: (() => Promise<unknown>)[]

async function start(options: ServerOptions = {}): Promise<void> {
  clock = new ImpatientClock({ startMs: Date.now() })
  server = await startServer({ clock, ...options })
  owner = await new TestClient(server).signIn()
  await owner.put('/d/a.txt', 'shared')
  await owner.put('/d/sub/b.txt', 'deeper')
  await owner.put('/private.txt', 'private')
}

beforeEach(() => {
  ends = []
  log = new RecordingLog()
})
afterEach(async () => {
  for (const end of ends.reverse()) await end()
  expect(server.requests.cutRequests).toEqual([])
  await server.close()
  expect(log.lines.join('\n')).not.toContain(PASSWORD)
})

/** Answers its id. */
async function share(path: string, more: object = {}): Promise<string> {
  const { data } = await owner.call('PUT', '/share', { uri: my(path), ...more })
  return /\/s\/(\w+)/.exec(data as string)![1]!
}

const locked = { is_private: true, password: PASSWORD }

interface Visit {
  readonly path?: string
  readonly password?: string
  /** Who is signed in; nobody if left out. */
  readonly as?: { readonly email: string; readonly password: string }
}

async function open(id: string, { path = '', password, as }: Visit = {}): Promise<Remote> {
  const spec: Pick<MountSpec, 'rootUri' | 'share'> = {
    rootUri: `cloudreve://${id}@share${path}`,
    share: password === undefined ? {} : { password },
  }
  const root = rootOf(spec)
  const session = as && (await passwordSession(server.url, as, { clock, log }))
  if (session) ends.push(() => session.close())
  const { tokenSource, serverClock } = session ?? {}
  const base = { origin: server.url, rootUri: formatUri({ ...root, path: [] }), clock, log }
  try {
    const remote = await connectCloudreve({ ...base, tokenSource, serverClock })
    ends.push(() => remote.close())
    return remote
  } catch (error) {
    throw uselessRoot(root, server.url, error)
  }
}

async function trouble(work: Promise<unknown>): Promise<[kind: string, sentence: string]> {
  const error: unknown = await work.catch((failure: unknown) => failure)
  if (!(error instanceof MountError)) throw error
  expect(error.message).not.toContain(PASSWORD)
  return [error.kind, error.message]
}

async function namesIn(remote: Remote, path: readonly string[] = []): Promise<string[]> {
  const names: string[] = []
  for await (const { entries } of remote.list([...path])) names.push(...entries.map(({ name }) => name))
  return names.sort()
}

describe('a shared folder', () => {
  it.each(['a visitor', 'somebody signed in', 'its owner'])(
    'is shown to %s, and nothing of it can be changed',
    async (who) => {
      await start({
        users: [
          { email: 'una@example.com', password: 'secret' },
          { email: 'bob@example.com', password: 'secret' },
        ],
      })
      const as = {
        'a visitor': undefined,
        'somebody signed in': 'bob@example.com',
        'its owner': 'una@example.com',
      }[who]
      const remote = await open(await share('/d', locked), {
        password: PASSWORD,
        ...(as === undefined ? {} : { as: { email: as, password: 'secret' } }),
      })
      expect(remote.facts.readOnly).toBe(true)
      expect(await namesIn(remote)).toEqual(['a.txt', 'sub'])
      expect(await namesIn(remote, ['sub'])).toEqual(['b.txt'])
      const entry = await remote.info(['sub', 'b.txt'])
      expect(remote.facts.pathOf(entry.uri)).toEqual(['sub', 'b.txt'])
      expect(`${entry.uri} ${remote.facts.uriOf(['sub'])}`).not.toContain(PASSWORD)
      const content = { path: () => ['sub', 'b.txt'], entity: entry.entity!, sizeBytes: entry.sizeBytes }
      expect(Buffer.from(await remote.readRange(content, { start: 0, end: 6 })).toString()).toBe('deeper')
      const { position } = server.requests
      await expect(remote.rename(['a.txt'], 'b.txt')).rejects.toMatchObject({ kind: 'denied' })
      await expect(remote.remove([['a.txt']])).rejects.toMatchObject({ kind: 'denied' })
      await expect(remote.createFolder(['new'])).rejects.toMatchObject({ kind: 'denied' })
      expect(server.requests.since(position)).toEqual([])
    },
  )

  it('is a drive whose changes are EROFS, and follows what its owner does', async () => {
    await start()
    const remote = await open(await share('/d'))
    const stateFolder = await mkdtemp(join(tmpdir(), 'share-'))
    const settings = { readOnly: remote.facts.readOnly }
    const drive = await createDrive({ remote, clock, log, stateFolder, hostName: 'here', settings })
    ends.push(
      () => rm(stateFolder, { recursive: true }),
      () => drive.close(),
    )
    const context = { signal: new AbortController().signal, pid: 1, uid: 0, gid: 0 }
    const { fileSystem } = drive
    const { ino } = await fileSystem.lookup(ROOT_INO, 'a.txt', context)
    await expect(fileSystem.unlink(ROOT_INO, 'a.txt', context)).rejects.toMatchObject({
      name: 'FsError',
      errno: 30,
    })
    await expect(fileSystem.setattr(ino, { mode: 0o600 }, undefined, context)).rejects.toMatchObject({
      errno: 30,
    })
    await owner.put('/d/new.txt', 'new')
    clock.advance(31_000)
    expect((await fileSystem.lookup(ROOT_INO, 'new.txt', context)).attr.sizeBytes).toBe(3)
  })

  it('that holds no space of a visitor does not ask for it', async () => {
    await start()
    const remote = await open(await share('/d'))
    const { position } = server.requests
    await expect(remote.capacity()).rejects.toMatchObject({ kind: 'unsupported' })
    expect(server.requests.since(position)).toEqual([])
  })

  it('tells visitors nothing of changes, and says so', async () => {
    await start()
    const remote = await open(await share('/d'))
    const notices = []
    for await (const notice of remote.watch({ signal: new AbortController().signal })) notices.push(notice)
    expect(notices).toEqual([{ kind: 'down', reason: 'the server tells guests nothing', isOffered: false }])
    const changed = []
    const since = remote.now() - 60_000
    for await (const { entries } of remote.changesSince(since))
      changed.push(...entries.map(({ name }) => name))
    expect(changed.sort()).toEqual(['a.txt', 'b.txt', 'sub'])
  })
})

describe('a shared file', () => {
  it('is the only one in a folder of its own', async () => {
    await start()
    const remote = await open(await share('/d/a.txt'))
    expect(await namesIn(remote)).toEqual(['a.txt'])
    const entry = await remote.info(['a.txt'])
    const content = { path: () => ['a.txt'], entity: entry.entity!, sizeBytes: entry.sizeBytes }
    expect(Buffer.from(await remote.readRange(content, { start: 0, end: 6 })).toString()).toBe('shared')
    await expect(remote.info(['sub'])).rejects.toMatchObject({ kind: 'not-found' })
  })
})

describe('a share that cannot be shown', () => {
  it('for want of its password, or for another one', async () => {
    await start()
    const id = await share('/d', locked)
    expect(await trouble(open(id))).toEqual([
      'sharePassword',
      `the share ${id} at ${server.url} has a password: say it in CLOUDREVE_SHARE_PASSWORD`,
    ])
    const as = { email: server.email, password: server.password }
    expect(await trouble(open(id, { password: 'other', as }))).toEqual([
      'sharePassword',
      `the password of the share ${id} at ${server.url} is another one`,
    ])
  })

  it('as it has expired, was ended, or lies in the trash', async () => {
    await start()
    const expired = await share('/d', { expire: 60 })
    await open(expired)
    clock.advance(61_000)
    const ended = await share('/d')
    await owner.call('DELETE', `/share/${ended}`)
    const trashed = await share('/private.txt')
    await owner.call('DELETE', '/file', { uris: [my('/private.txt')] })
    for (const id of [expired, ended, trashed, 'nonsense'])
      expect(await trouble(open(id))).toEqual([
        'other',
        `there is no such share at ${server.url}: ${id} may have expired, or its owner has ended it`,
      ])
  })

  it('where the server lets no visitors in', async () => {
    await start({ guestsMayOpenShares: false })
    const id = await share('/d')
    const [kind, sentence] = await trouble(open(id))
    expect(kind).toBe('signIn')
    expect(sentence).toContain(`cloudreve-mount login ${server.url}`)
    const as = { email: server.email, password: server.password }
    expect(await namesIn(await open(id, { as }))).toEqual(['a.txt', 'sub'])
  })
})
