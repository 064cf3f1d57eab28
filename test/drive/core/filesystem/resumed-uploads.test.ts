import { constants, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nothingInline } from '../../../../src/core/inline/index.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

beforeEach(async () => {
  const remote = { putLimitBytes: 8, chunkBytes: 4 }
  drive = await TestDrive.open({ remote, inlineLimits: nothingInline }, (remote) => {
    remote.putAsOther('docs/letter', 'old letter')
  })
})

afterEach(() => drive.stop())

const text = 'aaaabbbbccccdddde'
const pieces = 5

/** What is on record of all staged files. */
function recorded(): string {
  const folder = join(drive.folder, 'staging')
  const sideCars = readdirSync(folder).filter((name) => name.endsWith('.side'))
  return sideCars.map((name) => readFileSync(join(folder, name), 'utf8')).join()
}

/** The upload has come so far: `count` pieces were taken, and the next one waits. */
async function sendPieces(count: number, before = 0): Promise<{ release: () => void }> {
  let gate = drive.remote.hold('uploadChunk')
  await drive.clock.advance(500)
  await gate.entered
  for (let sent = 0; sent < count; sent += 1) {
    const next = drive.remote.hold('uploadChunk')
    gate.release()
    await next.entered
    gate = next
  }
  await eventually(() => recorded().split('"index":').length - 1 === before + count)
  return gate
}

/** The process is killed in the middle of an upload; its next piece never gets an answer. */
async function dieAfter(count: number, whileDown?: () => Promise<void> | void, before = 0): Promise<void> {
  await sendPieces(count, before)
  drive.remote.hold('uploadChunk').release()
  await drive.crash(whileDown)
}

/** The process is killed before it hears the id of the session that it has asked for. */
async function dieUnheard(): Promise<void> {
  const opened = new Promise<void>((resolve) => {
    drive.remote.onSessionOpened = () => {
      drive.remote.onSessionOpened = () => Promise.resolve()
      resolve()
      return new Promise(() => undefined)
    }
  })
  await drive.clock.advance(500)
  await opened
  await drive.crash()
}

async function expectArrived(path: string, content: string): Promise<void> {
  await drive.drain()
  expect(drive.remote.textAt(path)).toBe(content)
  expect(drive.copies()).toEqual([])
  await eventually(() => drive.remote.openSessions === 0)
}

describe.each(['docs/letter', 'docs/new'])('an upload of %s that a dead process had begun', (path) => {
  beforeEach(() => drive.save(path, text))

  it('is gone on with: only what is missing is sent [W40]', async () => {
    await dieAfter(3)
    expect(drive.remote.openSessions).toBe(1)
    await expectArrived(path, text)
    expect(drive.remote.count('uploadChunk')).toBe(pieces - 3)
    expect(drive.remote.count('cancelUpload')).toBe(0)
  })

  it('is gone on with a second time', async () => {
    await dieAfter(1)
    await dieAfter(2, undefined, 1)
    await expectArrived(path, text)
    expect(drive.remote.count('uploadChunk')).toBe(pieces - 3)
  })

  it('starts over when the content was changed before', async () => {
    await sendPieces(3)
    await drive.write(await drive.open(path, constants.O_WRONLY), 'X')
    drive.remote.hold('uploadChunk').release()
    await drive.crash()
    await expectArrived(path, `X${text.slice(1)}`)
    expect(drive.remote.count('uploadChunk')).toBe(pieces)
  })

  it('starts over when the content is changed after that', async () => {
    await dieAfter(3)
    const file = await drive.open(path, constants.O_WRONLY)
    await drive.write(file, 'X')
    await drive.close(file)
    await expectArrived(path, `X${text.slice(1)}`)
    expect(drive.remote.count('uploadChunk')).toBe(pieces)
  })

  it('starts over when the content is changed, and the next process dies too', async () => {
    await dieAfter(3)
    await drive.write(await drive.open(path, constants.O_WRONLY), 'X')
    await drive.crash()
    await expectArrived(path, `X${text.slice(1)}`)
    expect(drive.remote.count('uploadChunk')).toBe(pieces)
  })

  it('starts over when its session is gone', async () => {
    await dieAfter(3, async () => {
      await drive.remote.cancelUpload({ id: sessionId(), uri: '' })
    })
    await expectArrived(path, text)
    expect(drive.remote.count('uploadChunk')).toBe(pieces)
  })

  it('is ended and begun anew when its id was never heard [W40]', async () => {
    await dieUnheard()
    await expectArrived(path, text)
  })

  it('is ended when its id was never heard, and the file is removed', async () => {
    await dieUnheard()
    await drive.unlink(path)
    await drive.drain()
    expect(drive.remote.paths()).not.toContain(path)
    await eventually(() => drive.remote.openSessions === 0)
  })

  it('is cancelled when the file is renamed', async () => {
    await dieAfter(3)
    await drive.rename(path, 'docs/renamed')
    await expectArrived('docs/renamed', text)
  })

  it('is cancelled when its folder is renamed', async () => {
    await dieAfter(3)
    await drive.during(drive.rename('docs', 'papers'))
    await expectArrived(path.replace('docs', 'papers'), text)
  })

  it('is cancelled when the file is removed', async () => {
    await dieAfter(3)
    await drive.unlink(path)
    await drive.settleAll()
    await eventually(() => drive.remote.openSessions === 0)
    expect(drive.remote.paths()).not.toContain(path)
  })

  it('is cancelled when nothing is going to be sent', async () => {
    await dieAfter(3, () => drive.openReadOnly(true))
    await eventually(() => drive.remote.openSessions === 0)
  })

  it('is gone on with after an end in order', async () => {
    const gate = await sendPieces(3)
    drive.remote.hold('uploadChunk').release()
    const closed = drive.drive.close()
    gate.release()
    await closed
    await drive.start()
    await expectArrived(path, text)
    expect(drive.remote.count('uploadChunk')).toBe(pieces - 3)
  })
})

function sessionId(): string {
  return /"s":\{"id":"([^"]+)"/.exec(recorded())![1]!
}

describe('an upload that meets trouble', () => {
  beforeEach(() => drive.save('docs/new', text))

  it('goes on where it was when that has passed', async () => {
    const gate = await sendPieces(2)
    drive.remote.script.fail('uploadChunk', new RemoteError('offline', 'the network is away'))
    drive.remote.hold('uploadChunk').release()
    gate.release()
    await eventually(() => drive.drive.top.pending()[0]?.state.state === 'retrying')
    expect(drive.remote.openSessions).toBe(1)
    drive.remote.script.forgetCalls()
    await expectArrived('docs/new', text)
    expect(drive.remote.count('uploadChunk')).toBe(pieces - 2)
    expect(drive.remote.count('cancelUpload')).toBe(0)
  })

  it('starts over when the content has changed meanwhile', async () => {
    const gate = await sendPieces(2)
    drive.remote.script.fail('uploadChunk', new RemoteError('offline', 'the network is away'))
    drive.remote.hold('uploadChunk').release()
    gate.release()
    await eventually(() => drive.drive.top.pending()[0]?.state.state === 'retrying')
    await drive.write(await drive.open('docs/new', constants.O_WRONLY), 'X')
    drive.remote.script.forgetCalls()
    await expectArrived('docs/new', `X${text.slice(1)}`)
    expect(drive.remote.count('uploadChunk')).toBe(pieces)
  })

  it('sends nothing of a new content in the session of the old one, which cannot be cancelled', async () => {
    const gate = await sendPieces(2)
    drive.remote.script.fail('cancelUpload', new RemoteError('server', 'not now'), 3)
    drive.remote.hold('uploadChunk').release()
    await drive.save('docs/new', text.toUpperCase())
    gate.release()
    await expectArrived('docs/new', text.toUpperCase())
  })

  it('keeps no session in which nothing was taken', async () => {
    drive.remote.script.fail('uploadChunk', new RemoteError('server', 'not now'))
    await drive.clock.advance(500)
    await eventually(() => drive.drive.top.pending()[0]?.state.state === 'retrying')
    expect(drive.remote.openSessions).toBe(0)
  })

  it('locks nothing that is renamed meanwhile', async () => {
    const gate = await sendPieces(2)
    drive.remote.script.fail('uploadChunk', new RemoteError('server', 'not now'))
    drive.remote.hold('uploadChunk').release()
    gate.release()
    await eventually(() => drive.drive.top.pending()[0]?.state.state === 'retrying')
    await drive.during(drive.rename('docs', 'papers'))
    await expectArrived('papers/new', text)
  })
})
