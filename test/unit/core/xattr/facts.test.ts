import { describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { Facts, type FileView } from '../../../../src/core/xattr/index.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { EntityId, RemoteEntry } from '../../../../src/remote/types.ts'
import { activity, FactsRemote } from '../../../fakes/facts-remote.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'
import { remoteEntry, remoteFolder } from '../../../fakes/remote-entry.ts'

function setUp() {
  const remote = new FactsRemote()
  const clock = new ManualClock()
  const facts = new Facts({ remote, clock, timeZone: 'Europe/Berlin' })
  const get = async (name: string, entry: RemoteEntry | undefined = remoteEntry(), signal?: AbortSignal) => {
    const view: FileView = { entry, path: ['Plans', 'report.odt'], sync: 'synced' }
    return Buffer.from(await facts.get(`user.cloudreve.${name}`, view, signal)).toString()
  }
  return { remote, clock, facts, get }
}

const localOnly: FileView = { entry: undefined, path: ['new.txt'], sync: 'waits to be uploaded' }
const view = (entry: RemoteEntry): FileView => ({ entry, path: ['x'], sync: 'synced' })
const full = (names: string[]) => names.map((name) => `user.cloudreve.${name}`)
const refuses = (errno: number) => expect.objectContaining({ name: 'FsError', errno }) as unknown

describe('facts of the record', () => {
  it.each([
    ['id', 'f1aB'],
    ['uri', 'cloudreve://my/Plans/report.odt'],
    ['entity', 'e1'],
    ['owner', 'Ann'],
    ['created', '2026-01-02 04:04:05'],
    ['shared', 'no'],
    ['sync', 'synced'],
  ])('%s is %j and costs no request', async (name, expected) => {
    const { remote, get } = setUp()
    expect(await get(name)).toBe(expected)
    expect(remote.calls).toEqual([])
  })

  it('say when an object is shared, or is of somebody else', async () => {
    const { get } = setUp()
    const entry = remoteEntry({ shared: true, owned: false })
    expect([await get('shared', entry), await get('owner', entry)]).toEqual(['yes', 'another user'])
    expect(await get('capability', entry)).toContain('download')
  })
})

describe('facts of the details', () => {
  it('come with one request together', async () => {
    const { remote, get } = setUp()
    expect(
      await Promise.all(['policy', 'versions', 'shares', 'directlinks'].map((name) => get(name))),
    ).toEqual([
      'Default (local)',
      '2026-02-03 17:20:05  1204 bytes  Yt5k  by Ann  current\n2026-02-02 01:00:00  1 byte  zR7d\n',
      'https://cloud.example.com/s/sh1  since 2026-03-01 01:00:00  visited 3 times  with a password  until 2026-04-01 02:00:00\n',
      'https://cloud.example.com/f/d1/a  since 2026-03-02 01:00:00  downloaded 1 time\n',
    ])
    expect(remote.calls).toEqual(['details'])
  })

  it('are asked for again when the file changed, or after 30 s', async () => {
    const { remote, get, clock } = setUp()
    await get('policy')
    await clock.advance(29_999)
    await get('policy')
    expect(remote.calls).toHaveLength(1)
    await clock.advance(1)
    await get('policy')
    expect(remote.calls).toHaveLength(2)
    await get('policy', remoteEntry({ entity: 'e2' as EntityId }))
    expect(remote.calls).toHaveLength(3)
    await get('policy', remoteEntry({ entity: 'e2' as EntityId, updatedAtMs: 1 }))
    expect(remote.calls).toHaveLength(4)
  })

  it('that could not be had are asked for again at once', async () => {
    const { remote, get } = setUp()
    remote.faults.push(new RemoteError('offline', 'the server was not reached'))
    await expect(get('versions')).rejects.toThrow(refuses(Errno.EHOSTUNREACH))
    expect(await get('versions')).toContain('Yt5k')
  })

  it('fit into an attribute, saying what does not', async () => {
    const { remote, get } = setUp()
    const [one] = remote.detailsAnswer.versions
    remote.detailsAnswer = { ...remote.detailsAnswer, versions: Array.from({ length: 5000 }, () => one!) }
    const text = await get('versions')
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(65_536)
    const shown = text.trimEnd().split('\n').length - 1
    expect(text.trimEnd().split('\n').at(-1)).toBe(`… ${5000 - shown} more do not fit here`)
    expect(Buffer.byteLength(text)).toBeGreaterThan(65_000)
  })
})

describe('activities', () => {
  it('are lines, newest first, by local time', async () => {
    const { remote, get } = setUp()
    remote.history = [
      activity({ category: 11 }),
      activity({ category: 7, atMs: Date.UTC(2025, 11, 31, 23, 30) }),
    ]
    expect(await get('activities')).toBe(
      '2026-02-03 17:20:05  Ann  downloaded or viewed\n2026-01-01 00:30:00  Ann  created\n',
    )
  })

  it('of a folder are there too', async () => {
    const { remote, get } = setUp()
    remote.history = [activity({ category: 9 })]
    expect(await get('activities', remoteFolder())).toBe(
      '2026-02-03 17:20:05  Ann  changed the permissions\n',
    )
  })

  it('that were derived say so in the last line', async () => {
    const { remote, get } = setUp()
    remote.derived = true
    remote.history = [activity()]
    const lines = (await get('activities')).trimEnd().split('\n')
    expect(lines).toHaveLength(2)
    expect(lines[1]).toMatch(/^\(derived: this server keeps no activity log/)
    expect(JSON.parse(await get('activities.json'))).toMatchObject({ derived: true, truncated: false })
  })

  it('that nobody did are an empty attribute', async () => {
    const { get } = setUp()
    expect(await get('activities')).toBe('')
    expect(JSON.parse(await get('activities.json'))).toEqual({
      derived: false,
      truncated: false,
      activities: [],
    })
  })

  it.each([
    ['activities', 'all'],
    ['activities.my', 'my'],
    ['activities.updates', 'updates'],
    ['activities.reads', 'reads'],
  ])('%s asks for "%s"; its JSON needs no request more', async (name, filter) => {
    const { remote, get } = setUp()
    remote.history = [activity({ id: 'x7' })]
    await get(name)
    expect(JSON.parse(await get(`${name}.json`))).toMatchObject({ activities: [{ id: 'x7' }] })
    expect(remote.calls).toEqual([`activities ${filter} first`])
  })

  it('beyond 64 KiB are cut at an entry that says so, after no more pages than fit', async () => {
    const { remote, get } = setUp()
    remote.history = Array.from({ length: 5000 }, (_, i) =>
      activity({ id: `a${i}`, category: 8, originalName: `old name ${i}`, newName: `new name ${i} 日` }),
    )
    const text = await get('activities')
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(65_536)
    expect(Buffer.byteLength(text)).toBeGreaterThan(65_000)
    const lines = text.trimEnd().split('\n')
    expect(lines.at(-1)).toMatch(/^… older entries do not fit here/)
    expect(lines.at(-2)).toMatch(/  Ann  renamed old name \d+ -> new name \d+ 日$/)
    expect(remote.calls).toHaveLength(Math.ceil(lines.length / 100))

    const json = await get('activities.json')
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(65_536)
    const { truncated, activities } = JSON.parse(json) as { truncated: boolean; activities: { id: string }[] }
    expect(truncated).toBe(true)
    expect(activities.map(({ id }) => id)).toEqual(activities.map((_, i) => `a${i}`))
    expect(activities.length).toBeGreaterThan(150)
  })

  it('that fit are all there', async () => {
    const { remote, get } = setUp()
    remote.history = Array.from({ length: 1000 }, (_, i) => activity({ id: `a${i}` }))
    const lines = (await get('activities')).trimEnd().split('\n')
    expect(lines).toHaveLength(1000)
    expect(remote.calls).toHaveLength(10)
  })

  it('are kept until the file changes, at most 30 s', async () => {
    const { remote, get, clock } = setUp()
    await Promise.all([get('activities'), get('activities')])
    await clock.advance(29_999)
    await get('activities')
    expect(remote.calls).toHaveLength(1)
    await get('activities', remoteEntry({ entity: 'e2' as EntityId }))
    expect(remote.calls).toHaveLength(2)
    await clock.advance(30_000)
    await get('activities', remoteEntry({ entity: 'e2' as EntityId }))
    expect(remote.calls).toHaveLength(3)
  })

  it('that could not be had are asked for again, from the page that failed', async () => {
    const { remote, get } = setUp()
    remote.history = Array.from({ length: 150 }, (_, i) => activity({ id: `a${i}` }))
    await get('activities.my')
    remote.calls.length = 0
    const failing = new RemoteError('server', 'the server failed')
    remote.faults.push(failing)
    await expect(get('activities')).rejects.toThrow(refuses(Errno.EIO))
    expect((await get('activities')).trimEnd().split('\n')).toHaveLength(150)
    expect(remote.calls).toEqual(['activities all first', 'activities all first', 'activities all 100'])
  })
})

describe('addresses that need no sign-in', () => {
  it.each([
    ['url', 'https://cloud.example.com/content/report.odt?sign=secret', 'contentUrl'],
    ['thumbnail', 'https://cloud.example.com/thumb?sign=secret', 'thumbnailUrl'],
  ])('%s costs one request, whoever asks within 30 s [A29]', async (name, address, call) => {
    const { remote, get, clock, facts } = setUp()
    // As getfattr does it: for the length first.
    expect([await get(name), await get(name)]).toEqual([address, address])
    expect(remote.calls).toEqual([call])
    await clock.advance(30_000)
    await get(name)
    expect(remote.calls).toEqual([call, call])
    expect(facts.isSecret(`user.cloudreve.${name}`)).toBe(true)
  })

  it('are in no listing, however that is asked for [A28]', () => {
    const { facts, remote } = setUp()
    const names = facts.names(view(remoteEntry()))
    expect(names.filter((name) => facts.isSecret(name))).toEqual([])
    expect(['url', 'thumbnail'].filter((name) => names.includes(`user.cloudreve.${name}`))).toEqual([])
    expect(remote.calls).toEqual([])
  })

  it.each([
    ['a folder', remoteFolder()],
    ['a file without content', remoteEntry({ entity: undefined, sizeBytes: 0 })],
  ])('%s has none, which costs nothing', async (_, entry) => {
    const { remote, get } = setUp()
    for (const name of ['url', 'thumbnail'])
      await expect(get(name, entry)).rejects.toThrow(refuses(Errno.ENODATA))
    expect(remote.calls).toEqual([])
  })

  it('that there are none of are ENODATA; one that could not be had is asked for again at once', async () => {
    const { remote, facts, get } = setUp()
    const text: FileView = { entry: remoteEntry(), path: ['x.txt'], sync: 'synced' }
    await expect(facts.get('user.cloudreve.thumbnail', text)).rejects.toThrow(refuses(Errno.ENODATA))
    remote.faults.push(new RemoteError('offline', 'the server was not reached'))
    await expect(get('url')).rejects.toThrow(refuses(Errno.EHOSTUNREACH))
    expect(await get('url')).toContain('sign=secret')
  })
})

describe('an object that exists only here', () => {
  it('has a place and a state, and nothing else', async () => {
    const { facts } = setUp()
    expect(facts.names(localOnly)).toEqual(['user.cloudreve.uri', 'user.cloudreve.sync'])
    expect(Buffer.from(await facts.get('user.cloudreve.sync', localOnly)).toString()).toBe(
      'waits to be uploaded',
    )
    for (const name of ['id', 'entity', 'versions', 'activities', 'activities.json', 'url', 'thumbnail']) {
      await expect(facts.get(`user.cloudreve.${name}`, localOnly)).rejects.toThrow(refuses(Errno.ENODATA))
    }
  })
})

describe('names', () => {
  it('cost no request, and each of them can be read', async () => {
    const { remote, facts } = setUp()
    for (const entry of [remoteEntry(), remoteFolder()]) {
      const names = facts.names(view(entry))
      expect(remote.calls).toEqual([])
      expect(new Set(names).size).toBe(names.length)
      for (const name of names) expect(await facts.get(name, view(entry))).toBeInstanceOf(Uint8Array)
      remote.calls.length = 0
    }
  })

  it('leave out what an object cannot have', () => {
    const { facts } = setUp()
    const all = [
      'uri',
      'sync',
      'id',
      'owner',
      'entity',
      'created',
      'capability',
      'shared',
      'policy',
      'versions',
    ]
    expect(facts.names(view(remoteEntry()))).toEqual(full([...all, 'shares', 'directlinks', 'activities']))
    expect(facts.names(view(remoteEntry({ entity: undefined, sizeBytes: 0 })))).not.toContain(
      'user.cloudreve.entity',
    )
    expect(facts.names(view(remoteFolder()))).not.toContain('user.cloudreve.versions')
  })

  it.each([
    'nothing',
    '',
    'activities.',
    'activities.xml',
    'activities.json.json',
    'constructor',
    '__proto__',
    'id.json',
  ])('that do not exist (%j) are ENODATA and ours all the same', async (name) => {
    const { facts, get, remote } = setUp()
    await expect(get(name)).rejects.toThrow(refuses(Errno.ENODATA))
    expect(facts.isFact(`user.cloudreve.${name}`)).toBe(true)
    expect(remote.calls).toEqual([])
  })

  it('of others are none of ours', async () => {
    const { facts } = setUp()
    expect(['user.comment', 'user.cloudreve', 'security.selinux'].map((name) => facts.isFact(name))).toEqual([
      false,
      false,
      false,
    ])
    await expect(facts.get('user.comment', localOnly)).rejects.toThrow(refuses(Errno.ENODATA))
  })
})

it('who is interrupted waits no longer, and the answer is kept for the next', async () => {
  const { remote, get } = setUp()
  const interrupt = new AbortController()
  const given = expect(get('versions', remoteEntry(), interrupt.signal)).rejects.toThrow(refuses(Errno.EINTR))
  interrupt.abort()
  await given
  expect(await get('versions')).toContain('Yt5k')
  expect(remote.calls).toEqual(['details'])
})
