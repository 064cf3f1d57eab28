import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { settle } from '../../../fakes/manual-clock.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

const week = 7 * 24 * 3_600_000
let place: string
let drive: TestDrive

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'drive-offline-'))
  const options = { mirrorFolder: join(place, 'mirror'), cacheFolder: join(place, 'cache') }
  drive = await TestDrive.open(options, (remote) => {
    for (const path of ['a/one', 'a/two', 'b/three', 'unknown/four', 'five']) remote.putAsOther(path, path)
  })
  for (const path of ['', 'a', 'b']) {
    await drive.names(path)
    await drive.clock.advance(3_000) // it is no walk
  }
  await drive.text('a/one')
})
afterEach(async () => {
  drive.remote.offline = false
  await drive.stop()
  await rm(place, { recursive: true, force: true })
})

function away(): void {
  drive.remote.offline = true
}

/** How long `work` keeps its program waiting, s of the test's clock. */
async function seconds(work: Promise<unknown>): Promise<number> {
  const startedAt = drive.clock.monotonic()
  await drive.during(work, 500)
  return (drive.clock.monotonic() - startedAt) / 1000
}

async function looksAsKnown(): Promise<void> {
  expect(await drive.names()).toEqual(['a', 'b', 'five', 'unknown'])
  expect(await drive.names('a')).toEqual(['one', 'two'])
  expect((await drive.stat('b/three')).sizeBytes).toBe(7)
  expect(await drive.exists('b/nothing')).toBe(false)
}

describe('while the server cannot be reached', () => {
  beforeEach(async () => {
    await drive.clock.advance(week)
    drive.remote.offline = true
  })

  it('folders that were listed before are shown as they were known, without waiting [F18]', async () => {
    await looksAsKnown()
    await drive.clock.advance(10 * 60_000)
    await looksAsKnown()
  })

  it('asks few questions whether it is back, however much is looked at', async () => {
    // Half of each delay is chance: once in a while a question more fits in.
    const chance = vi.spyOn(Math, 'random').mockReturnValue(0.5)
    onTestFinished(() => chance.mockRestore())
    await looksAsKnown()
    await drive.clock.advance(30_000)
    drive.remote.script.forgetCalls()
    for (let i = 0; i < 20; i += 1) {
      await looksAsKnown()
      await drive.clock.advance(1_000)
    }
    expect(drive.remote.count()).toBeLessThanOrEqual(12)
  })

  it('what is in the disk cache can be read, the rest not [R7]', async () => {
    expect(await drive.text('a/one')).toBe('a/one')
    expect(await drive.during(errnoOf(drive.text('a/two')), 1_000)).toBe('EHOSTUNREACH')
  })

  it('a folder that was never listed fails after two minutes [F1]', async () => {
    const errno = errnoOf(drive.names('unknown'))
    expect(await seconds(errno)).toBeGreaterThan(119)
    expect(await errno).toBe('EHOSTUNREACH')
  })

  it('what is changed shows at once, and is sent when it is back [F19]', async () => {
    // The clock stands still: nothing waits.
    await drive.save('a/new', 'new')
    await drive.save('a/one', 'changed')
    await drive.rename('b/three', 'a/drei')
    await drive.unlink('a/two')
    await drive.mkdir('c')
    await drive.save('c/in', 'in')
    expect(await drive.names('a')).toEqual(['drei', 'new', 'one'])
    await drive.clock.advance(60_000)
    expect(await drive.names('a')).toEqual(['drei', 'new', 'one'])
    drive.remote.offline = false
    await drive.settleAll()
    await drive.drain()
    const paths = ['a/', 'a/drei', 'a/new', 'a/one', 'b/', 'c/', 'c/in', 'five', 'unknown/', 'unknown/four']
    expect(drive.remote.paths()).toEqual(paths)
    expect(drive.remote.textAt('a/one')).toBe('changed')
    await drive.outdate()
    expect(await drive.names('a')).toEqual(['drei', 'new', 'one'])
  })

  it('when it is back each folder is listed anew at its next use [F18]', async () => {
    await looksAsKnown()
    drive.remote.offline = false
    drive.remote.putAsOther('b/new', 'n')
    await drive.clock.advance(10_000)
    await drive.names('a')
    await settle()
    expect(await drive.names('b')).toEqual(['new', 'three'])
  })

  it('deletes nothing that somebody else has changed meanwhile', async () => {
    await drive.unlink('b/three')
    drive.remote.putAsOther('b/three', 'changed elsewhere')
    drive.remote.offline = false
    await drive.settleAll()
    await drive.outdate()
    expect(await drive.text('b/three')).toBe('changed elsewhere')
  })
})

describe('a start while the server cannot be reached', () => {
  it('shows what was known, and asks for nothing before that [F20]', async () => {
    await drive.mirror!.settled()
    await drive.crash(away)
    expect(drive.startCalls).toEqual([])
    await looksAsKnown()
    expect(await drive.text('a/one')).toBe('a/one')
    expect(drive.drive.serverTrouble).toContain('cannot be reached')
    drive.remote.offline = false
    drive.remote.putAsOther('b/new', 'n')
    await drive.clock.advance(10_000)
    await drive.names('b')
    await settle()
    expect(await drive.names('b')).toEqual(['new', 'three'])
    expect(drive.drive.serverTrouble).toBeUndefined()
  })

  it('says that it cannot be reached until it can, whether or not anybody looks', async () => {
    await drive.crash(away)
    drive.drive.followChanges()
    await settle()
    expect(drive.drive.serverTrouble).toBeDefined()
    drive.remote.offline = false
    drive.remote.feed.tell({ kind: 'live' })
    await settle()
    expect(drive.drive.serverTrouble).toBeUndefined()
  })

  it('shows over it what was not sent, and sends it when the server is back [F20]', async () => {
    away()
    await drive.save('a/new', 'new')
    await drive.save('a/one', 'changed')
    await drive.rename('b/three', 'a/drei')
    await drive.unlink('a/two')
    await drive.mkdir('c')
    await drive.save('c/in', 'in')
    await drive.mirror!.settled()
    for (let times = 0; times < 2; times += 1) {
      await drive.crash(away)
      expect(await drive.names()).toEqual(['a', 'b', 'c', 'five', 'unknown'])
      expect(await drive.names('a')).toEqual(['drei', 'new', 'one'])
      expect(await drive.names('b')).toEqual([])
      expect(await drive.text('a/one')).toBe('changed')
      expect(await drive.text('c/in')).toBe('in')
      await drive.clock.advance(60_000)
    }
    drive.remote.offline = false
    await drive.settleAll()
    await drive.drain()
    const paths = ['a/', 'a/drei', 'a/new', 'a/one', 'b/', 'c/', 'c/in', 'five', 'unknown/', 'unknown/four']
    expect(drive.remote.paths()).toEqual(paths)
    expect(drive.drive.top.pending()).toEqual([])
  })

  it('takes up later what nothing here knows the folder of', async () => {
    drive.remote.putAsOther('unknown/deep/x', 'x')
    await drive.names('unknown')
    await drive.names('unknown/deep')
    away()
    await drive.save('unknown/deep/mine', 'mine')
    await drive.save('a/new', 'new')
    drive.mirror!.forget(drive.remote.entryAt('unknown').id)
    drive.mirror!.forget(drive.remote.entryAt('unknown/deep').id)
    await drive.mirror!.settled()
    await drive.crash(away)
    expect(await drive.names('a')).toEqual(['new', 'one', 'two'])
    expect(drive.drive.top.pending().map(({ label }) => label)).toContain('/unknown/deep/mine')
    drive.remote.offline = false
    await drive.clock.advance(120_000)
    await drive.settleAll()
    expect(drive.remote.textAt('unknown/deep/mine')).toBe('mine')
    expect(drive.remote.textAt('a/new')).toBe('new')
  })
})

describe('a server that does not answer', () => {
  it('keeps nobody waiting for more than 5 s who looks at what is known, and the next one not at all [F18]', async () => {
    await drive.clock.advance(week)
    const gate = drive.remote.hold('list')
    expect(await seconds(drive.names('b'))).toBeLessThanOrEqual(6)
    expect(await seconds(drive.names('a'))).toBeLessThan(1)
    gate.release()
    await settle()
  })

  it('is waited for where the listing goes on coming', async () => {
    await drive.clock.advance(week)
    drive.remote.putAsOther('b/new', 'n')
    const gate = drive.remote.hold('list')
    const names = drive.names('b')
    await drive.clock.advance(3_000)
    gate.release()
    expect(await names).toEqual(['new', 'three'])
  })
})
