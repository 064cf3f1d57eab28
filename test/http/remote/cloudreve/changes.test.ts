import { afterEach, describe, expect, it } from 'vitest'
import type { WatchNotice } from '../../../../src/remote/changes.ts'
import type { Remote } from '../../../../src/remote/remote.ts'
import { embeddedRemote, type EmbeddedRemote } from '../../../fakes/embedded-remote.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'
import { bytesSource } from '../../../fakes/scripted-remote.ts'

let embedded: EmbeddedRemote
let server: ManualClock

afterEach(async () => {
  expect(await embedded.stop()).toEqual([])
})

async function start(...[options, ...rest]: Parameters<typeof embeddedRemote>): Promise<Remote> {
  server = new ManualClock(Date.now())
  embedded = await embeddedRemote({ clock: server, ...options }, ...rest)
  return embedded.remote
}

function save(remote: Remote, name: string) {
  return remote.upload({ path: [name], previous: 'absent', source: bytesSource(Buffer.from('x')) })
}

describe('watching a server', () => {
  it('tells of others, not of what is done through the same remote, and ends with it', async () => {
    const remote = await start()
    const notices: WatchNotice[] = []
    const end = new AbortController()
    const watching = (async () => {
      for await (const notice of remote.watch({ signal: end.signal })) notices.push(notice)
    })()
    await eventually(() => notices.length === 1)
    expect(notices).toEqual([{ kind: 'live' }])
    await save(remote, 'ours')
    await remote.rename(['ours'], 'renamed')
    await embedded.server.admin.write('/d/theirs', 'x')
    await server.advance(5_000)
    await eventually(() => notices.length === 2)
    expect(notices[1]).toMatchObject({
      kind: 'changes',
      changes: [
        { kind: 'created', path: ['d'] },
        { kind: 'created', path: ['d', 'theirs'], id: embedded.server.admin.entry('/d/theirs').id },
      ],
    })
    end.abort()
    await watching
  })

  it.each([
    ['it is switched off', { eventPush: false }, 'the event stream is switched off on the server'],
    ['the server is older', { isBefore411: true }, 'the server has no event stream'],
    ['the server is older, and Pro', { isBefore411: true, pro: true }, 'the server has no event stream'],
  ])('says that there is no stream where %s, and asks no second time [E7]', async (_, options, reason) => {
    const remote = await start(options)
    const end = new AbortController()
    const notices: WatchNotice[] = []
    const watching = (async () => {
      for await (const notice of remote.watch({ signal: end.signal })) notices.push(notice)
    })()
    await eventually(() => notices.length === 1)
    expect(notices).toEqual([{ kind: 'down', reason, isOffered: false }])
    end.abort()
    await watching
    expect(Object.values(embedded.server.requests.summary())).toEqual([1])
  })

  it('does not outlive the remote', async () => {
    const remote = await start()
    const notices: WatchNotice[] = []
    const watching = (async () => {
      for await (const notice of remote.watch({ signal: new AbortController().signal })) notices.push(notice)
    })()
    await eventually(() => notices.length === 1)
    await remote.close()
    await watching
    expect(notices).toHaveLength(1)
  })
})

async function since(remote: Remote, sinceMs: number): Promise<{ paths: string[]; askedAtMs: number }> {
  const paths: string[] = []
  let first: number | undefined
  for await (const { entries, askedAtMs } of remote.changesSince(sinceMs)) {
    paths.push(...entries.map(({ uri }) => remote.facts.pathOf(uri)!.join('/')))
    first ??= askedAtMs
  }
  return { paths: paths.sort(), askedAtMs: first! }
}

describe('what was changed since some time', () => {
  it('is what came, was written or renamed, at any depth, in one request', async () => {
    const remote = await start()
    await embedded.server.admin.write('/old', 'x')
    await embedded.server.admin.write('/gone', 'x')
    await embedded.server.admin.write('/d/e/name', 'x')
    await server.advance(60_000)
    const from = server.now()
    await embedded.server.admin.write('/d/e/new', 'x')
    await remote.rename(['d', 'e', 'name'], 'renamed')
    await remote.remove([['gone']])
    embedded.server.requests.clear()
    expect((await since(remote, from)).paths).toEqual(['d/e/new', 'd/e/renamed'])
    expect(embedded.server.requests.summary()).toEqual({ 'GET /file': 1 })
  })

  it('comes by pages, of which the first says when the server was asked, by its clock', async () => {
    const remote = await start({ maxPageSize: 10 })
    for (let i = 0; i < 25; i += 1) await embedded.server.admin.write(`/f${i}`, 'x')
    const { paths, askedAtMs } = await since(remote, remote.now())
    expect(paths).toHaveLength(25)
    expect(Math.abs(askedAtMs - remote.now())).toBeLessThan(1)
  })
})
