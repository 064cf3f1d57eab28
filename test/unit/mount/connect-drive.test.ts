import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Mirror } from '../../../src/core/index.ts'
import { connectDrive } from '../../../src/mount/connect-drive.ts'
import { explainFailure } from '../../../src/mount/explain-failure.ts'
import { RemoteError } from '../../../src/remote/errors.ts'
import type { Remote } from '../../../src/remote/remote.ts'
import { ManualClock, settle } from '../../fakes/manual-clock.ts'
import { MemoryRemote } from '../../fakes/memory-remote.ts'
import { recordingLog } from '../../fakes/recording-log.ts'
import { remoteFolder } from '../../fakes/remote-entry.ts'

const top = remoteFolder()

let folder: string
let mirror: Mirror
let there: MemoryRemote
const clock = new ManualClock()
const log = recordingLog()
const origin = 'https://cloud.example.com'
const options = { clock, log, origin, rootUri: 'cloudreve://my', timeoutMs: 120_000 }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'connect-drive-'))
  mirror = await Mirror.open({ folder, maxObjects: 10, clock, log })
  there = new MemoryRemote({ clock })
  there.facts = { ...there.facts, top, capacity: { totalBytes: 10, usedBytes: 3 } }
})
afterEach(async () => {
  await mirror.close()
  await rm(folder, { recursive: true, force: true })
})

const found = (): Promise<Remote> => Promise.resolve(there)
const refusing = (): Promise<Remote> => Promise.reject(new RemoteError('unauthenticated', 'sign in again'))
const away = (): Promise<Remote> => Promise.reject(new RemoteError('offline', 'no route to host'))

describe('the server of a drive', () => {
  it('that cannot be reached is what it said of itself before [F20]', async () => {
    await connectDrive(options, mirror, found)
    mirror.setTop(top)
    let isAway = true
    const { remote, ...rest } = await connectDrive(options, mirror, () => (isAway ? away() : found()))
    expect(rest).toEqual({ isAway: true })
    expect(remote.facts).toMatchObject({
      origin: 'https://cloud.example.com',
      userId: 'u1',
      userName: 'una',
      readOnly: false,
      capacity: { totalBytes: 10, usedBytes: 3 },
      versions: { max: 10, extensions: [] },
      top: { id: top.id, createdAtMs: top.createdAtMs },
    })
    expect(remote.facts.pathOf(remote.facts.uriOf(['a b', 'c']))).toEqual(['a b', 'c'])
    await expect(remote.info([])).rejects.toMatchObject({ kind: 'offline' })
    isAway = false
    expect((await remote.info([])).kind).toBe('folder')
  })

  it('that does not answer is waited for no longer than 10 s, and used when it does', async () => {
    await connectDrive(options, mirror, found)
    mirror.setTop(top)
    let answer: ((remote: Remote) => void) | undefined
    const connecting = connectDrive(options, mirror, () => new Promise((resolve) => (answer = resolve)))
    await clock.advance(10_000)
    const { remote, isAway } = await connecting
    expect(isAway).toBe(true)
    const asked = remote.info([])
    await settle()
    answer?.(there)
    expect((await asked).kind).toBe('folder')
  })

  it('that cannot be reached is an error when nothing is known of it', async () => {
    await expect(connectDrive(options, mirror, away)).rejects.toMatchObject({ kind: 'offline' })
    await expect(connectDrive(options, undefined, away)).rejects.toMatchObject({ kind: 'offline' })
    await connectDrive(options, mirror, found) // its top folder was never seen
    await expect(connectDrive(options, mirror, away)).rejects.toMatchObject({ kind: 'offline' })
  })

  it('that does not answer is an error when nothing is known of it, as soon as --timeout says [F23]', async () => {
    const closed = vi.spyOn(there, 'close')
    let answer: ((remote: Remote) => void) | undefined
    const connecting = connectDrive(options, mirror, () => new Promise((resolve) => (answer = resolve)))
    let reason: unknown
    connecting.catch((error: unknown) => (reason = error))
    await clock.advance(119_999)
    expect(reason).toBeUndefined()
    await clock.advance(1)
    expect(reason).toMatchObject({ kind: 'offline' })
    expect(explainFailure(reason, origin, 'sign in')).toMatchObject({
      kind: 'unreachable',
      message: 'https://cloud.example.com cannot be reached: no answer for 120 s',
    })
    answer?.(there)
    await settle()
    expect(closed).toHaveBeenCalledOnce()
  })

  it('that refuses is an error, whatever is known', async () => {
    await connectDrive(options, mirror, found)
    mirror.setTop(top)
    await expect(connectDrive(options, mirror, refusing)).rejects.toMatchObject({ kind: 'unauthenticated' })
  })
})
