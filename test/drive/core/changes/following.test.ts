import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RemoteChange } from '../../../../src/remote/changes.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { FileId } from '../../../../src/remote/types.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { TellingClient } from '../../../fakes/telling-client.ts'
import type { TestDrive } from '../../../fakes/test-drive.ts'
import { openFollowing } from './following-drive.ts'

const minute = 60_000
let test: TestDrive

beforeEach(async () => {
  test = await openFollowing()
})

afterEach(() => test.stop())

async function live(): Promise<void> {
  test.remote.feed.tell({ kind: 'live' })
  await settle()
}

async function tell(...changes: RemoteChange[]): Promise<void> {
  test.remote.feed.tell({ kind: 'changes', changes })
  await settle()
}

async function down(reason = 'gone'): Promise<void> {
  test.remote.feed.tell({ kind: 'down', reason, isOffered: true })
  await settle()
}

function changeOf(kind: 'created' | 'changed' | 'removed', path: string): RemoteChange {
  return { kind, id: test.remote.entryAt(path).id, path: path.split('/') }
}

/** Calls from now on, `method subject`. */
function fromNow(): () => string[] {
  const start = test.remote.calls.length
  return () => test.remote.calls.slice(start).map(({ method, subject }) => `${method} ${subject}`.trim())
}

/** A folder that somebody looks at, listed while the server tells of changes. */
async function lookInto(...folders: string[]): Promise<void> {
  await test.clock.advance(30_001)
  for (const folder of folders) await test.names(folder)
}

describe('while the server tells of changes', () => {
  it('a listing is believed for minutes, and costs nothing [E11]', async () => {
    await test.clock.advance(1)
    await live()
    await lookInto('', 'd')
    const calls = fromNow()
    await test.clock.advance(2 * minute)
    await test.names('d')
    await test.stat('d/f')
    await settle()
    expect(calls().filter((call) => call.startsWith('list'))).toEqual([])
    await test.clock.advance(3 * minute + 1)
    await test.names('d')
    expect(calls()).toContain('list d')
  })

  it('what was listed before that is believed no longer than without [E13]', async () => {
    await test.names('d')
    await test.clock.advance(1)
    await live()
    await test.clock.advance(30_000)
    const calls = fromNow()
    await test.names('d')
    expect(calls()).toContain('list d')
  })

  it('a change is seen behind one listing of its folder, whatever there is of them in it', async () => {
    await live()
    await lookInto('', 'd')
    test.remote.putAsOther('d/f', 'changed')
    test.remote.putAsOther('d/new', 'new')
    const calls = fromNow()
    test.notices.length = 0
    await tell(changeOf('changed', 'd/f'), changeOf('created', 'd/new'))
    expect(calls()).toEqual(['list d'])
    const folder = await test.ino('d')
    expect(test.notices).toContain(`inode ${folder}`)
    expect(await test.names('d')).toEqual(['f', 'new'])
    expect(await test.text('d/f')).toBe('changed')
    expect(calls().filter((call) => call.startsWith('list'))).toEqual(['list d'])
  })

  it('a removal and a move are seen, in both folders, however wrong their paths are [E9]', async () => {
    await live()
    await lookInto('', 'd', 'e')
    const { id } = test.remote.entryAt('d/f')
    const removed = changeOf('removed', 'a')
    test.remote.moveAsOther('d/f', 'e/h')
    test.remote.removeAsOther('a')
    await tell({ kind: 'moved', id, from: ['nowhere', 'x'], path: ['e', 'h'] }, removed)
    const calls = fromNow()
    expect(await test.names('d')).toEqual([])
    expect(await test.names('e')).toEqual(['g', 'h'])
    expect(await test.names()).toEqual(['d', 'e'])
    expect(calls()).toEqual([])
  })

  it('a change in a folder that nobody has looked at for a minute costs a listing only when somebody does [E16]', async () => {
    await live()
    await lookInto('', 'd')
    await test.clock.advance(minute + 1)
    test.remote.putAsOther('d/new', 'new')
    const calls = fromNow()
    test.notices.length = 0
    await tell(changeOf('created', 'd/new'))
    expect(calls()).toEqual([])
    expect(test.notices.length).toBeGreaterThan(0)
    expect(await test.names('d')).toEqual(['f', 'new'])
    expect(calls()).toContain('list d')
  })

  it('a change where nobody has ever looked costs nothing', async () => {
    await live()
    const calls = fromNow()
    await tell({ kind: 'created', id: 'x' as FileId, path: ['e', 'x'] })
    await tell(
      { kind: 'created', id: 'y' as FileId, path: ['new'] },
      { kind: 'created', id: 'z' as FileId, path: ['new', 'z'] },
    )
    expect(calls()).toEqual(['list'])
  })

  it('something that came into a folder which was renamed before is seen, and costs what is looked at [E8]', async () => {
    await live()
    await lookInto('', 'd', 'e')
    const { id } = test.remote.entryAt('d')
    test.remote.moveAsOther('d', 'D')
    test.remote.putAsOther('D/new', 'new')
    const calls = fromNow()
    await tell({ kind: 'moved', id, from: ['d'], path: ['D'] }, changeOf('created', 'D/new'))
    expect(await test.names('D')).toEqual(['f', 'new'])
    expect(await test.names('e')).toEqual(['g'])
    // Behind the scenes it is asked for at its former path at the same time as the folder above.
    expect(calls()).toEqual(['list', 'list d', 'list D'])
  })

  it('something that came into a folder which had another name for a moment is looked for [E8]', async () => {
    await live()
    await lookInto('', 'd')
    test.remote.putAsOther('d/new', 'new')
    const { id } = test.remote.entryAt('d/new')
    await tell({ kind: 'created', id, path: ['for a moment', 'new'] })
    expect(await test.names('d')).toEqual(['f', 'new'])
  })

  it('the rename of a folder alone does not cost what is known below it', async () => {
    await live()
    await lookInto('', 'd')
    const { id } = test.remote.entryAt('d')
    test.remote.moveAsOther('d', 'D')
    await tell({ kind: 'moved', id, from: ['d'], path: ['D'] })
    const calls = fromNow()
    expect(await test.names('D')).toEqual(['f'])
    expect(calls()).toEqual([])
  })

  it('a change that is told while its folder is being listed is not missed', async () => {
    await live()
    await lookInto('', 'd')
    test.remote.putAsOther('d/one', '1')
    const gate = test.remote.hold('list', 'after')
    const calls = fromNow()
    await tell(changeOf('created', 'd/one'))
    await gate.entered
    await test.clock.advance(1)
    test.remote.putAsOther('d/two', '2')
    await tell(changeOf('created', 'd/two'))
    gate.release()
    await settle()
    expect(await test.names('d')).toEqual(['f', 'one', 'two'])
    expect(calls()).toEqual(['list d', 'list d'])
  })

  it('what was undone in one burst and seen in between is shown until the listing is old [E24]', async () => {
    await live()
    await lookInto('', 'd')
    const client = new TellingClient({ remote: test.remote, clock: test.clock })
    client.put('d/new', 'x')
    await tell(changeOf('changed', 'd/f'))
    expect(await test.names('d')).toEqual(['f', 'new'])
    client.remove('d/new')
    await test.clock.advance(300_001)
    expect(await test.names('d')).toEqual(['f'])
  })

  it('a folder whose listing takes long is left in peace for ten times as long', async () => {
    await live()
    await lookInto('', 'd')
    const gate = test.remote.hold('list', 'after')
    await tell(changeOf('changed', 'd/f'))
    await gate.entered
    await test.clock.advance(500)
    gate.release()
    await settle()
    const calls = fromNow()
    await tell(changeOf('changed', 'd/f'))
    await tell(changeOf('changed', 'd/f'))
    await test.clock.advance(4_999)
    expect(calls()).toEqual([])
    await test.clock.advance(1)
    expect(calls()).toEqual(['list d'])
  })

  it('a file that is open keeps its content, and its name leads to the new one', async () => {
    await live()
    await lookInto('', 'd')
    const file = await test.open('d/f', constants.O_RDONLY)
    expect(await test.read(file, 0, 1)).toBe('b')
    test.remote.putAsOther('d/f', 'another')
    await tell(changeOf('changed', 'd/f'))
    expect(await test.text('d/f')).toBe('another')
    expect(await test.read(file)).toBe('below')
    await test.close(file)
  })

  it('something restored, which is told by its name in the trash, is looked for [E9]', async () => {
    await live()
    await lookInto('', 'd')
    test.remote.putAsOther('d/back', 'x')
    const { id } = test.remote.entryAt('d/back')
    await tell({ kind: 'created', id, path: ['0b7a55e5-a8c9-4f5a-8c7e-9df30d1c8f0b'] })
    expect(await test.names('d')).toEqual(['back', 'f'])
  })
})

describe('while somebody changes something every few seconds, of which the server tells only when he pauses', () => {
  it('names are seen within a minute, the rest five seconds after he pauses [E12]', async () => {
    await live()
    await lookInto('', 'd', 'e')
    const { feed } = test.remote
    const told: string[] = []
    const tellOn = feed.tell.bind(feed)
    feed.tell = (notice) => {
      told.push(notice.kind)
      tellOn(notice)
    }
    const client = new TellingClient({ remote: test.remote, clock: test.clock })
    let count = 0
    const goOn = async (times: number) => {
      for (let i = 0; i < times; i += 1) {
        client.put(`d/trickle ${(count += 1)}`, 'x')
        await test.clock.advance(2_000)
        // The mount is in use.
        await test.stat('e')
      }
    }
    client.move('e/g', 'e/moved')
    client.put('a', 'v2')
    await goOn(30)
    await test.clock.advance(2_000)
    expect(await test.names('e')).toEqual(['moved'])
    expect(await test.text('a')).toBe('v2')
    expect(await test.names('d')).toContain('trickle 1')
    client.remove('d/f')
    await goOn(30)
    expect(told).toEqual([])
    await test.clock.advance(5_000)
    expect(told[0]).toBe('changes')
    await test.names('d')
    await settle()
    const atServer = test.remote.paths().filter((path) => path.startsWith('d/') && path !== 'd/')
    expect((await test.names('d')).map((name) => `d/${name}`)).toEqual(atServer)
  })
})

describe('where changes may not have been told', () => {
  it('after a gap: one question, what is looked at is listed anew, the rest is answered at once and listed behind [E14]', async () => {
    await live()
    await lookInto('', 'd', 'e')
    await test.clock.advance(minute + 1)
    await test.names('d')
    await test.clock.advance(1)
    await down()
    test.remote.putAsOther('d/new', 'new')
    test.remote.removeAsOther('e/g')
    const calls = fromNow()
    await live()
    expect(calls()).toEqual(['changesSince', 'list d', 'list'])
    expect(await test.names('d')).toEqual(['f', 'new'])
    expect(await test.names('e')).toEqual(['g'])
    await settle()
    expect(await test.names('e')).toEqual([])
    expect(calls().filter((call) => call === 'list e')).toHaveLength(1)
  })

  it('a probable listing that cannot be had anew is waited for by the next use', async () => {
    await live()
    await lookInto('')
    await test.clock.advance(minute + 1)
    await down()
    await live()
    test.remote.fail('list', new RemoteError('denied', 'no'), 2)
    expect(await test.names()).toEqual(['a', 'd', 'e'])
    await settle()
    await expect(test.names()).rejects.toThrow()
    expect(await test.names()).toEqual(['a', 'd', 'e'])
  })

  it('after more changes than the server can tell of what is looked at is listed anew [E10]', async () => {
    await live()
    await lookInto('', 'd')
    test.remote.removeAsOther('d/f')
    await test.clock.advance(1)
    test.remote.feed.tell({ kind: 'missed' })
    await settle()
    expect(await test.names('d')).toEqual([])
  })

  it('while it tells nothing a listing is believed as without', async () => {
    await live()
    await lookInto('', 'd')
    await test.clock.advance(31_000)
    await down()
    test.remote.removeAsOther('d/f')
    expect(await test.names('d')).toEqual([])
  })
})

describe('where the server tells nothing', () => {
  it('it is asked every ten seconds while somebody uses the drive, and not otherwise [E8][E15]', async () => {
    await down('the server has no event stream')
    const calls = fromNow()
    const asked = () => calls().filter((call) => call === 'changesSince').length
    await test.clock.advance(10 * minute)
    expect(asked()).toBe(0)
    await test.names('d')
    await test.clock.advance(10_000)
    expect(asked()).toBe(1)
    await test.clock.advance(10 * minute)
    expect(asked()).toBe(1)
  })

  it('a change is seen by the next question, own ones cost nothing', async () => {
    await down()
    await test.names('d')
    await test.names('e')
    await test.save('d/ours', 'ours')
    await test.mkdir('d/made')
    await test.settleAll()
    test.remote.putAsOther('e/new', 'new')
    const calls = fromNow()
    await test.clock.advance(8_000)
    expect(calls()).toEqual(['changesSince', 'list e'])
    expect(await test.names('e')).toEqual(['g', 'new'])
    expect(calls()).toEqual(['changesSince', 'list e'])
  })

  it('a server that fails is asked less and less often', async () => {
    await down()
    test.remote.fail('changesSince', new RemoteError('server', 'HTTP 500'), 100)
    const calls = fromNow()
    for (let i = 0; i < 600; i += 1) {
      await test.clock.advance(1_000)
      await test.exists('a').catch(() => false)
    }
    const asked = calls().filter((call) => call === 'changesSince').length
    expect(asked).toBeGreaterThan(3)
    expect(asked).toBeLessThan(10)
  })
})

describe('the end of a drive', () => {
  it('ends the stream and every question', async () => {
    await live()
    expect(test.remote.feed.watchers).toBe(1)
    await test.drive.close()
    await settle()
    expect(test.remote.feed.watchers).toBe(0)
    const calls = fromNow()
    await test.clock.advance(10 * minute)
    expect(calls()).toEqual([])
    await test.start()
  })

  it('is told by the state it was in', async () => {
    expect(test.drive.following).toMatchObject({ kind: 'polling', everyMs: 10_000 })
    await live()
    expect(test.drive.following).toEqual({ kind: 'live', sinceMs: test.clock.now() })
    await down('why')
    expect(test.drive.following).toEqual({ kind: 'polling', everyMs: 10_000, reason: 'why' })
  })
})
