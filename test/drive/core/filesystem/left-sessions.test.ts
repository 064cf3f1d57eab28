import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nothingInline } from '../../../../src/core/inline/index.ts'
import { nodeFileLayer, type FileLayer } from '../../../../src/base/file-layer.ts'
import { countLeftChanges } from '../../../../src/core/unsent-state.ts'
import { readRecords } from '../../../../src/core/journal/index.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive
/** Side-cars stay where they are: the process is killed before it comes to remove them. */
let keepsSideCars: boolean
/** The process comes no further than to put on record that it asks for a session. */
let stopsAsking: boolean
let hasAsked: boolean

const fileLayer: FileLayer = {
  ...nodeFileLayer,
  open: async (path, how) => {
    const file = await nodeFileLayer.open(path, how)
    const append = async (data: Uint8Array) => {
      await file.append(data)
      if (!stopsAsking || !Buffer.from(data).includes('askedAtMs')) return
      hasAsked = true
      await new Promise(() => undefined)
    }
    return {
      fd: file.fd,
      append,
      read: (...words) => file.read(...words),
      write: (...words) => file.write(...words),
      truncate: (...words) => file.truncate(...words),
      sizeBytes: () => file.sizeBytes(),
      datasync: () => file.datasync(),
      close: () => file.close(),
    }
  },
  remove: (path) =>
    keepsSideCars && path.endsWith('.side') ? new Promise(() => undefined) : nodeFileLayer.remove(path),
}

beforeEach(async () => {
  keepsSideCars = false
  stopsAsking = false
  hasAsked = false
  const remote = { putLimitBytes: 8, chunkBytes: 4 }
  drive = await TestDrive.open({ remote, fileLayer, inlineLimits: nothingInline }, (remote) => {
    remote.putAsOther('docs/letter', 'old letter')
    remote.putAsOther('docs/other', 'another one')
  })
})

afterEach(() => drive.stop())

const text = 'aaaabbbbccccdddde'
const newer = 'this is a newer text'

const notNow = new RemoteError('server', 'not now')

/** From now on the server takes no piece and ends no session. */
function failFromNow(): void {
  drive.remote.script.fail('uploadChunk', notNow, 1_000)
  drive.remote.script.fail('cancelUpload', notNow, 1_000)
}

function recover(): void {
  drive.remote.script.recover('uploadChunk')
  drive.remote.script.recover('cancelUpload')
}

/** The upload has begun, its first piece waits: it is not going to be taken, and the session cannot be cancelled. */
async function startSending(path: string): Promise<{ release: () => void }> {
  await drive.save(path, text)
  const gate = drive.remote.hold('uploadChunk')
  await drive.clock.advance(500)
  await gate.entered
  failFromNow()
  drive.remote.hold('uploadChunk').release()
  return gate
}

/** Makes a change that waits for the piece which is on its way. */
async function whileSending(path: string, change: () => Promise<unknown>): Promise<void> {
  const gate = await startSending(path)
  const changed = change()
  gate.release()
  await changed
}

/** Tries are made in vain until a process is killed, and the next one meets a server that works. */
async function tryAndDie(): Promise<void> {
  for (let seconds = 0; seconds < 10; seconds += 1) await drive.clock.advance(1_000)
  expect(drive.remote.openSessions).toBeGreaterThan(0)
  await drive.crash(recover)
}

async function expectUnlocked(): Promise<void> {
  await drive.settleAll()
  // Longer than the longest pause before a next try.
  await drive.clock.advance(60_001)
  await eventually(() => drive.remote.openSessions === 0)
  expect(drive.copies()).toEqual([])
  await expect.poll(endings).toEqual([])
}

/** Keys of the journal that speak of sessions. */
async function endings(): Promise<string[]> {
  const records = await readRecords(join(drive.folder, 'journal'))
  return [...records.keys()].filter((key) => key.startsWith('ending:'))
}

const sideCars = () => readdirSync(join(drive.folder, 'staging')).filter((name) => name.endsWith('.side'))

describe.each(['docs/letter', 'docs/new'])(
  'the session of an upload to %s that cannot be cancelled',
  (path) => {
    it('is ended by the next process where a newer content waits for it', async () => {
      const gate = await startSending(path)
      await drive.save(path, newer)
      gate.release()
      await tryAndDie()
      await expectUnlocked()
      expect(drive.remote.textAt(path)).toBe(newer)
    })

    it('is ended by the next process where the file was renamed', async () => {
      await whileSending(path, () => drive.rename(path, 'docs/renamed'))
      await drive.save('docs/renamed', newer)
      await tryAndDie()
      await expectUnlocked()
      expect(drive.remote.textAt('docs/renamed')).toBe(newer)
      expect(drive.remote.paths()).not.toContain(path)
    })

    it('is ended by the next process where the file was deleted [W66]', async () => {
      await whileSending(path, () => drive.unlink(path))
      await tryAndDie()
      await expectUnlocked()
      expect(drive.remote.paths()).not.toContain(path)
    })

    it('is ended by the process after the next one, which dies when it has removed what was left [W66]', async () => {
      keepsSideCars = true
      await whileSending(path, () => drive.unlink(path))
      await drive.clock.advance(10_000)
      await eventually(() => sideCars().length === 1)
      await drive.crash(() => {
        keepsSideCars = false
      })
      expect(sideCars()).toEqual([])
      await tryAndDie()
      await expectUnlocked()
      expect(drive.remote.paths()).not.toContain(path)
    })

    it('is on record before its side-car goes', async () => {
      keepsSideCars = true
      await whileSending(path, () => drive.unlink(path))
      await drive.clock.advance(10_000)
      await expect.poll(endings).toHaveLength(1)
      // Nothing that a person waits for.
      expect(await countLeftChanges(drive.folder)).toBe(path === 'docs/letter' ? 1 : 0)
      expect(sideCars()).toHaveLength(1)
      keepsSideCars = false
      recover()
      await drive.crash()
      await expectUnlocked()
    })

    it('is ended by the same process when that can be done', async () => {
      await whileSending(path, () => drive.unlink(path))
      await drive.clock.advance(5_000)
      recover()
      await expectUnlocked()
      expect(drive.remote.paths()).not.toContain(path)
    })
  },
)

it('the session of an upload that cannot be cancelled is ended where another file was renamed over its own', async () => {
  await whileSending('docs/letter', () => drive.rename('docs/other', 'docs/letter'))
  await tryAndDie()
  await expectUnlocked()
  expect(drive.remote.textAt('docs/letter')).toBe('another one')
})

it('a discarded content whose session cannot be cancelled leaves no lock behind', async () => {
  drive.remote.script.fail('uploadChunk', new RemoteError('denied', 'not you'))
  failFromNow()
  await drive.save('docs/letter', text)
  await drive.clock.advance(500)
  await eventually(() => drive.drive.top.pending()[0]?.state.state === 'failed')
  expect(await drive.drive.top.discard(['docs', 'letter'], drive.context())).toBe('content')
  await tryAndDie()
  await expectUnlocked()
  expect(drive.remote.textAt('docs/letter')).toBe('old letter')
})

describe('two sessions that were asked for, neither of which was heard of,', () => {
  it.each(['docs/letter', 'docs/new'])('lock %s no more when a third process begins', async (path) => {
    const opened = new Promise<void>((resolve) => {
      drive.remote.onSessionOpened = () => {
        drive.remote.onSessionOpened = () => Promise.resolve()
        resolve()
        return new Promise(() => undefined)
      }
    })
    await drive.save(path, text)
    await drive.clock.advance(500)
    await opened
    failFromNow()
    await drive.crash()
    stopsAsking = true
    await drive.save(path, newer)
    await drive.clock.advance(500)
    await eventually(() => hasAsked)
    expect(drive.remote.openSessions).toBe(1)
    await drive.crash(() => {
      stopsAsking = false
      recover()
    })
    await drive.settleAll()
    await eventually(() => drive.remote.openSessions === 0)
    expect(drive.remote.textAt(path)).toBe(newer)
    expect(drive.copies()).toEqual([])
  })
})

describe('an upload that ends well', () => {
  it('costs no request and no record for its session, but those of its side-car', async () => {
    await drive.save('docs/letter', text)
    drive.remote.script.forgetCalls()
    await drive.settleAll()
    const pieces = Array.from({ length: 5 }, () => 'uploadChunk')
    expect(drive.remote.calls.map(({ method }) => method)).toEqual(['upload', ...pieces])
    expect(journalText()).not.toContain('ending:')
    expect(drive.remote.openSessions).toBe(0)
  })

  it('after it was refused a session costs no more either', async () => {
    drive.remote.script.fail('upload', new RemoteError('server', 'not now'))
    drive.remote.putAsOther('docs/letter', 'theirs')
    await drive.save('docs/letter', text)
    await drive.settleAll()
    expect(drive.remote.count('cancelUpload')).toBe(0)
    expect(journalText()).not.toContain('ending:')
  })
})

function journalText(): string {
  const folder = join(drive.folder, 'journal')
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join()
}
