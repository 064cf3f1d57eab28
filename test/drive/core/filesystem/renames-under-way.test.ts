import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => {
    remote.putAsOther('a', 'v1')
    remote.putAsOther('b', 'other')
  })
})

afterEach(() => drive.stop())

/** The request that renames `a` to `x` is on its way: it does its work, or is answered, when the gate is released. */
async function onItsWay(at: 'before' | 'after' = 'before') {
  const gate = drive.remote.hold('rename', at)
  await drive.rename('a', 'x')
  await drive.clock.advance(1_000)
  await gate.entered
  return gate
}

const texts = () =>
  Object.fromEntries(drive.remote.paths().map((path) => [path, drive.remote.textAt(path) ?? 'a folder']))

describe('a name that a file is given by a request on its way, and that is not its own any more', () => {
  it('is free for a new file when the request is answered', async () => {
    const gate = await onItsWay()
    await drive.rename('x', 'y')
    await drive.save('x', 'new')
    await drive.clock.advance(5_000)
    expect(texts()).toEqual({ a: 'v1', b: 'other' })
    gate.release()
    await drive.settleAll()
    expect(texts()).toEqual({ b: 'other', x: 'new', y: 'v1' })
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('is free for a new folder when the request is answered', async () => {
    const gate = await onItsWay()
    await drive.rename('x', 'y')
    await drive.mkdir('x')
    await drive.save('x/inner', 'new')
    await drive.clock.advance(5_000)
    expect(texts()).toEqual({ a: 'v1', b: 'other' })
    gate.release()
    await drive.settleAll()
    expect(texts()).toEqual({ b: 'other', 'x/': 'a folder', 'x/inner': 'new', y: 'v1' })
  })

  it('is free for what is renamed to it when the request is answered', async () => {
    const gate = await onItsWay()
    await drive.rename('x', 'y')
    await drive.rename('b', 'x')
    await drive.clock.advance(5_000)
    expect(drive.remote.count('rename')).toBe(1)
    gate.release()
    await drive.settleAll()
    expect(texts()).toEqual({ x: 'other', y: 'v1' })
  })

  it('is free for a new file when what was renamed is deleted', async () => {
    const gate = await onItsWay()
    const deleted = drive.unlink('x')
    await drive.clock.advance(5_000)
    gate.release()
    await deleted
    await drive.save('x', 'new')
    await drive.settleAll()
    expect(texts()).toEqual({ b: 'other', x: 'new' })
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('is nobody else’s where the answer was lost', async () => {
    drive.remote.loseAnswers('rename')
    drive.remote.fail('info', new RemoteError('offline', 'no network'))
    await drive.rename('a', 'x')
    await drive.clock.advance(1_000)
    expect(texts()).toEqual({ b: 'other', x: 'v1' })
    await drive.rename('x', 'y')
    await drive.save('x', 'new')
    await drive.settleAll()
    expect(texts()).toEqual({ b: 'other', x: 'new', y: 'v1' })
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('may be refused: it is asked for the one that it has by then', async () => {
    const gate = await onItsWay()
    await drive.rename('x', 'y')
    drive.remote.putAsOther('x', 'theirs')
    gate.release()
    await drive.settleAll()
    expect(texts()).toEqual({ b: 'other', x: 'theirs', y: 'v1' })
  })
})

describe('a listing that shows what a request has done before it is answered', () => {
  it('takes no file back from the name that it has by then', async () => {
    const gate = await onItsWay('after')
    await drive.rename('x', 'y')
    await drive.outdate()
    expect(await drive.names()).toEqual(['b', 'y'])
    gate.release()
    await drive.settleAll()
    expect(texts()).toEqual({ b: 'other', y: 'v1' })
  })

  it('takes no file away that was moved back', async () => {
    drive.remote.mkdirAsOther('d')
    await drive.outdate()
    const gate = drive.remote.hold('move', 'after')
    await drive.rename('a', 'd/a')
    await drive.clock.advance(1_000)
    await gate.entered
    await drive.rename('d/a', 'a')
    await drive.outdate()
    expect(await drive.names()).toEqual(['a', 'b', 'd'])
    expect(await drive.names('d')).toEqual([])
    gate.release()
    await drive.settleAll()
    expect(texts()).toEqual({ a: 'v1', b: 'other', 'd/': 'a folder' })
  })

  it('takes no file back that gets there in two steps', async () => {
    drive.remote.mkdirAsOther('d')
    await drive.outdate()
    const gate = drive.remote.hold('move', 'after')
    await drive.rename('a', 'd/b')
    await drive.clock.advance(1_000)
    await gate.entered
    await drive.outdate()
    expect(await drive.names('d')).toEqual(['b'])
    expect(await errnoOf(drive.stat('d/a'))).toBe('ENOENT')
    gate.release()
    await drive.settleAll()
    expect(texts()).toEqual({ b: 'other', 'd/': 'a folder', 'd/b': 'v1' })
  })
})

it('a folder that is renamed back before the answer, and whose other name a new one has, is itself after a crash', async () => {
  drive.remote.putAsOther('d/old', 'inside')
  await drive.outdate()
  const gate = drive.remote.hold('rename')
  await drive.rename('d', 'x')
  await drive.clock.advance(1_000)
  await gate.entered
  await drive.rename('x', 'd')
  await drive.mkdir('x')
  await drive.clock.advance(0)
  await drive.crash(async () => {
    gate.release()
    await settle()
  })
  expect(await drive.during(drive.names())).toEqual(['a', 'b', 'd', 'x'])
  await drive.settleAll()
  expect(texts()).toEqual({ a: 'v1', b: 'other', 'd/': 'a folder', 'd/old': 'inside', 'x/': 'a folder' })
})
