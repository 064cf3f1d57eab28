/** A drive over the real client and a server whose faults are scripted: what programs see, and what the server keeps. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDrive, type Drive } from '../../../src/core/index.ts'
import { CoreEngine } from '../../conformance/engines/core.ts'
import { driveSemantics } from '../../conformance/engines/drive-core.ts'
import { patterned, refused, text, withHandle } from '../../conformance/suite.ts'
import { embeddedRemote, type EmbeddedRemote } from '../../fakes/embedded-remote.ts'
import { eventually } from '../../fakes/eventually.ts'

let embedded: EmbeddedRemote
let folder: string
let drive: Drive
let fs: CoreEngine

beforeEach(async () => {
  embedded = await embeddedRemote({ chunkSizeBytes: 1024 * 1024 })
  folder = await mkdtemp(join(tmpdir(), 'server-faults-'))
  const { remote, clock, log } = embedded
  // The clock lets no wait of 3 s or more come to its end: a lock's is none of them.
  const patience = { deadlineMs: 120_000, lockDeadlineMs: 2_900 }
  drive = await createDrive({ remote, clock, log, stateFolder: folder, hostName: 'here', patience })
  const able = true as const
  const can = {
    times: able,
    modes: able,
    symlinks: able,
    xattrs: able,
    renameNoReplace: able,
    renameExchange: able,
    facts: able,
    server: 'asked directly',
    requests: 'asked directly',
    remount: 'not here',
    rawNames: 'not here',
  }
  const core = {
    fileSystem: drive.fileSystem,
    can,
    semantics: driveSemantics,
    settle: async () => expect(await drive.drain()).toEqual([]),
    close: () => drive.close(),
  }
  fs = new CoreEngine('core', core, { names: 'keep', truncate: 'atomic', readdirPlus: true })
})

afterEach(async () => {
  embedded.server.faults.clear()
  await fs.close()
  const cut = await embedded.stop()
  await rm(folder, { recursive: true })
  expect(cut).toEqual([])
})

/** Names in the top folder at the server, sorted. */
function names(): string[] {
  return embedded.server.admin
    .tree()
    .map(({ path }) => path)
    .filter((path) => path.lastIndexOf('/') === 0)
    .map((path) => path.slice(1))
    .sort()
}

/** By another client, and long enough ago that the mount looks again. */
async function putByOther(path: string, content: Buffer): Promise<void> {
  await embedded.server.admin.write(path, content)
  embedded.clock.advance(60_000)
}

async function stored(path: string): Promise<string> {
  return (await embedded.server.admin.read(path)).toString()
}

const chunked = patterned(5 * 1024 * 1024)

describe('an answer that is lost after the work was done', () => {
  it.each([
    ['PUT /file/content', 'of a save'],
    ['POST /file/upload', 'of a chunk'],
    ['PUT /file/upload', 'of the opening of an upload'],
    ['GET /file/info', 'of the confirmation of an upload'],
  ])('%s, %s: one file, one version, no conflict with ourselves', async (route) => {
    embedded.server.faults.add({ route, kind: 'lostAnswer' })
    const content = route === 'PUT /file/content' ? Buffer.from('small') : chunked
    await fs.writeFile('f', content)
    await fs.settle()
    expect(Buffer.compare(await embedded.server.admin.read('/f'), content)).toBe(0)
    expect(embedded.server.admin.versions('/f')).toHaveLength(1)
    expect(names()).toEqual(['f'])
  })

  it.each(['POST /file/create', 'POST /file/rename', 'POST /file/move', 'DELETE /file'])(
    '%s: programs see success, and it happened once',
    async (route) => {
      await fs.mkdir('to')
      await fs.writeFile('gone', 'x')
      await fs.writeFile('f', 'content')
      await fs.settle()
      embedded.server.faults.add({ route, kind: 'lostAnswer' })
      await fs.mkdir('made')
      await fs.rename('f', 'to/g')
      await fs.unlink('gone')
      await fs.settle()
      expect(await fs.readdir('')).toEqual(['made', 'to'])
      expect(await text(fs, 'to/g')).toBe('content')
      expect(names()).toEqual(['made', 'to'])
      expect(await stored('/to/g')).toBe('content')
    },
  )
})

describe('the end of an upload in pieces that nobody has heard of', () => {
  const route = 'POST /file/upload'
  const pieces = 5

  it('is found by reading the file once: nothing is sent again but the piece without an answer', async () => {
    embedded.server.faults.add({ route, nth: pieces, kind: 'lostAnswer' })
    await fs.writeFile('f', chunked)
    await fs.settle()
    const { requests, admin } = embedded.server
    expect(names()).toEqual(['f'])
    expect(admin.versions('/f')).toHaveLength(1)
    expect([requests.count('PUT /file/upload'), requests.count(route)]).toEqual([1, pieces + 1])
    const read = requests.of('GET /file/content').reduce((sum, { bytesOut }) => sum + bytesOut, 0)
    expect(read).toBe(chunked.length)
  })

  it('is no end where the server has forgotten it and somebody else has saved as many bytes: both are kept [C6]', async () => {
    const { faults, admin } = embedded.server
    const theirs = Buffer.alloc(chunked.length, 'theirs')
    faults.add({ route, nth: pieces, kind: 'stall' })
    await fs.writeFile('f', chunked)
    const settled = fs.settle()
    await faults.untilStalled()
    admin.expireUploads()
    await admin.write('/f', theirs)
    faults.release()
    await settled
    const copy = names().at(-1)
    expect(names()).toEqual(['f', expect.stringMatching(/^f \(conflict .* here\)$/)])
    expect(Buffer.compare(await admin.read('/f'), theirs)).toBe(0)
    expect(Buffer.compare(await admin.read(`/${copy}`), chunked)).toBe(0)
  })
})

/** A content with a chosen time goes by a session, which is cut. */
async function fill(path: string, content: string): Promise<void> {
  await withHandle(fs.open(path, 'r+'), async (handle) => {
    await handle.write(content, 0)
    await fs.utimes(path, 1_000_000_000n, 1_000_000_000n)
  })
}

/** Fills `path`, and renames `f` to `target` while the upload of that hangs at the server, or has just gone on there. */
async function renameDuringUpload(path: string, at: 'stalled' | 'at work'): Promise<void> {
  await fs.settle()
  embedded.server.faults.add({ route: 'POST /file/upload', kind: 'stall' })
  await fill(path, 'content')
  await embedded.server.faults.untilStalled()
  const renamed = fs.rename('f', 'target')
  if (at === 'at work') embedded.server.faults.release()
  await renamed
  embedded.server.faults.clear()
  await fs.settle()
}

it('a time that is chosen while a file without content is on its way is kept', async () => {
  const chosen = 1_000_000_000_123_456_789n
  embedded.server.faults.add({ route: 'POST /file/create', kind: 'stall' })
  await fs.writeFile('empty', '')
  await embedded.server.faults.untilStalled()
  await fs.utimes('empty', chosen, chosen)
  embedded.server.faults.release()
  await fs.settle()
  expect((await fs.stat('empty')).mtimeNs).toBe(chosen)
  const { metadata } = await embedded.remote.info(['empty'])
  expect(JSON.stringify(metadata)).toContain('123456789')
})

describe('a rename that cuts an upload on its way', () => {
  it.each(['stalled', 'at work'] as const)(
    'to a file that was empty: its name is taken along (%s)',
    async (at) => {
      await fs.writeFile('f', '')
      await fs.writeFile('target', 'old')
      await renameDuringUpload('f', at)
      expect(names()).toEqual(['target'])
      expect(await stored('/target')).toBe('content')
      expect(await text(fs, 'target')).toBe('content')
    },
  )

  it.each(['stalled', 'at work'] as const)(
    'to the file that is replaced, which was empty (%s)',
    async (at) => {
      await fs.writeFile('target', '')
      await fs.writeFile('f', 'new')
      await renameDuringUpload('target', at)
      expect(names()).toEqual(['target'])
      expect(await stored('/target')).toBe('new')
      expect(await text(fs, 'target')).toBe('new')
    },
  )
})

describe('a server or proxy that answers nonsense for a while', () => {
  const page = { kind: 'status', status: 200, body: '<html>Please sign in</html>' } as const

  it.each([
    ['500 without words', { kind: 'status', status: 500, body: '' } as const],
    ['502 with a page', { kind: 'status', status: 502, body: '<html>Bad Gateway</html>' } as const],
    ['503', { kind: 'status', status: 503 } as const],
    ['a page instead of an answer', page],
  ])('%s: saves are sent again, whole and once', async (_, fault) => {
    embedded.server.faults.add({ route: 'PUT /file/content', times: 2, ...fault })
    await fs.writeFile('f', 'content')
    await fs.settle()
    expect(await stored('/f')).toBe('content')
    expect(embedded.server.admin.versions('/f')).toHaveLength(1)
  })

  it('a page instead of content is an error, never taken for content', async () => {
    await putByOther('/f', chunked)
    embedded.server.faults.add({ route: 'GET /file/content', ...page })
    await refused('EIO', fs.readFile('f'))
    expect(Buffer.compare(await fs.readFile('f'), chunked)).toBe(0)
  })
})

it('content goes on at the byte where the connection was cut', async () => {
  await putByOther('/f', chunked)
  const route = 'GET /file/content'
  embedded.server.faults.add({ route, every: 2, times: 3, kind: 'cutAfterBytes', bytes: 40_000 })
  expect(Buffer.compare(await fs.readFile('f'), chunked)).toBe(0)
  const sent = embedded.server.requests.of(route).reduce((sum, { bytesOut }) => sum + bytesOut, 0)
  expect(sent).toBe(chunked.length)
})

it('a token and a URL that expire in the middle of a read are renewed', async () => {
  await putByOther('/f', chunked)
  await withHandle(fs.open('f', 'r'), async (handle) => {
    expect(Buffer.compare(await handle.read(0, 4096), chunked.subarray(0, 4096))).toBe(0)
    embedded.server.admin.expireAccessTokens()
    embedded.server.admin.expireUrls()
    const end = await handle.read(4_500_000, 4096)
    expect(Buffer.compare(end, chunked.subarray(4_500_000, 4_504_096))).toBe(0)
  })
  expect(embedded.server.requests.count('POST /session/token/refresh')).toBe(1)
})

it("a rename under somebody else's lock is seen here, and at the server when the lock is gone [F16]", async () => {
  await fs.mkdir('d')
  await fs.settle()
  const unlock = embedded.server.admin.holdLock('/d')
  await fs.rename('d', 'e')
  await eventually(() => embedded.server.requests.count('POST /file/rename') > 0)
  expect(names()).toEqual(['d'])
  expect(await fs.readdir('')).toEqual(['e'])
  unlock()
  await fs.settle()
  expect(names()).toEqual(['e'])
})

it("what is deleted under somebody else's lock is gone here, and at the server when the lock is", async () => {
  await fs.mkdir('d')
  await fs.settle()
  const unlock = embedded.server.admin.holdLock('/d')
  await fs.rmdir('d')
  await eventually(() => embedded.server.requests.count('DELETE /file') > 4)
  expect(names()).toEqual(['d'])
  expect(await fs.readdir('')).toEqual([])
  unlock()
  await eventually(() => names().length === 0)
})

it('a server whose every change ends in 50001 is waited for: nothing is marked failed, everything arrives', async () => {
  const route = 'PUT /file/content'
  embedded.server.faults.add({ route, times: 1000, kind: 'code', code: 50001 })
  const files = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const name of files) await fs.writeFile(name, name)
  await eventually(() => states().every((state) => state.startsWith('retrying')))
  const asked = embedded.server.requests.count(route)
  expect(asked).toBeLessThan(60)
  expect(drive.writeBack.pending()[0]?.state.detail).toContain('database is stuck')
  embedded.server.faults.clear()
  // The clock lets no back-off of more than 3 s come to its end, and one may begin only now.
  await eventually(() => {
    drive.writeBack.retryAll(() => true)
    return drive.writeBack.pending().length === 0
  })
  await fs.settle()
  expect(names()).toEqual(files)

  function states(): string[] {
    return drive.writeBack.pending().map(({ state }) => state.state)
  }
})
