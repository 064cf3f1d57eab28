import { EventEmitter, once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { WriteBench, type FakeFile } from '../../../fakes/write-bench.ts'

let bench: WriteBench

beforeEach(async () => {
  bench = await WriteBench.open()
})

afterEach(async () => {
  await bench.stop()
  await bench.remove()
})

function inState(file: FakeFile, state: string): Promise<void> {
  return eventually(() => file.content.sync.state === state)
}

function versions(): number {
  return bench.remote.tree.find(['a'])!.versions.length
}

describe('an upload session of a content that is not the newest any more', () => {
  let file: FakeFile

  beforeEach(async () => {
    await bench.stop()
    await bench.remove()
    bench = await WriteBench.open({ putLimitBytes: 4, chunkBytes: 4 })
    file = bench.newFile('a')
    await file.save('a large file, first')
  })

  it('gives way to that once it is complete', async () => {
    const gate = bench.remote.hold('uploadChunk')
    await bench.clock.advance(500)
    await gate.entered
    await file.save('a large file, second')
    await bench.clock.advance(499)
    expect(bench.remote.count('cancelUpload')).toBe(0)
    await bench.clock.advance(1)
    gate.release()
    await bench.synced(file)
    expect(bench.remote.textAt('a')).toBe('a large file, second')
    expect([versions(), bench.remote.openSessions]).toEqual([1, 0])
    expect(bench.remote.count('info')).toBe(0)
  })

  it('is brought to its end while somebody is still writing', async () => {
    const gate = bench.remote.hold('uploadChunk')
    await bench.clock.advance(500)
    await gate.entered
    file.content.retainWriter()
    await file.append(', and more')
    await bench.clock.advance(5_000)
    gate.release()
    await eventually(() => file.confirmations.length === 1)
    file.content.releaseWriter()
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('a large file, first, and more')
    expect(versions()).toBe(2)
  })

  it('is brought to its end when half of it has arrived', async () => {
    const gate = bench.remote.script.hold('uploadChunk', 'before', 3)
    await bench.clock.advance(500)
    await gate.entered
    await file.save('a large file, second')
    await bench.clock.advance(600)
    gate.release()
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('a large file, second')
    expect(versions()).toBe(2)
  })

  it('is brought to its end when the one before has given way: one that changes again and again arrives', async () => {
    for (const text of ['a large file, second', 'a large file, third']) {
      const gate = bench.remote.hold('uploadChunk')
      await bench.clock.advance(500)
      await gate.entered
      await file.save(text)
      await bench.clock.advance(500)
      gate.release()
      await settle()
    }
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('a large file, third')
    expect(versions()).toBe(2)
  })
})

describe('pausing', () => {
  it('waits for a request that carries the whole file', async () => {
    const file = bench.newFile('a')
    await file.save('x')
    const gate = bench.remote.hold('upload')
    await bench.clock.advance(500)
    await gate.entered
    let isPaused = false
    const pausing = file.content.pause().then((release) => {
      isPaused = true
      return release
    })
    await settle()
    expect(isPaused).toBe(false)
    gate.release()
    const release = await pausing
    expect(file.content.isDirty).toBe(false)
    release()
  })

  it('hears why the request that it waited for was refused', async () => {
    const file = bench.newFile('a')
    await file.save('x')
    const gate = bench.remote.hold('upload')
    bench.remote.fail('upload', new RemoteError('denied', 'no'))
    await bench.clock.advance(500)
    await gate.entered
    const pausing = file.content.pause()
    gate.release()
    const release = await pausing
    await inState(file, 'failed')
    release()
    await settle()
    expect(bench.remote.count('upload')).toBe(1)
  })

  it('cuts and cancels an upload session, and starts over under the new name', async () => {
    await bench.stop()
    await bench.remove()
    bench = await WriteBench.open({ putLimitBytes: 4, chunkBytes: 4 })
    const file = bench.newFile('d/a')
    await file.save('a large file')
    const gate = bench.remote.hold('uploadChunk')
    await bench.clock.advance(500)
    await gate.entered
    const pausing = file.content.pause()
    gate.release()
    const release = await pausing
    expect(bench.remote.openSessions).toBe(0)
    expect(bench.remote.count('cancelUpload')).toBe(1)
    await bench.remote.rename(['d'], 'e')
    file.where = ['e', 'a']
    await bench.clock.advance(10_000)
    expect(bench.remote.count('upload')).toBe(1)
    release()
    await bench.synced(file)
    expect(bench.remote.paths()).toEqual(['e/', 'e/a'])
    expect(bench.remote.textAt('e/a')).toBe('a large file')
  })

  it('holds an upload that waits in back-off, at once', async () => {
    const file = bench.newFile('a')
    await file.save('x')
    bench.remote.fail('upload', new RemoteError('conflict', 'busy'))
    await bench.clock.advance(500)
    await inState(file, 'retrying')
    const release = await file.content.pause()
    await bench.clock.advance(100_000)
    expect(bench.remote.count('upload')).toBe(1)
    release()
    await bench.synced(file)
  })

  it('does not wait for an upload that waits for the server or for names', async () => {
    const file = bench.newFile('a')
    const names = new EventEmitter()
    file.before = () => once(names, 'settled').then(() => undefined)
    await file.save('x')
    await bench.clock.advance(500)
    await settle()
    const release = await file.content.pause()
    names.emit('settled')
    await settle()
    expect(bench.remote.count()).toBe(0)
    file.before = () => Promise.resolve()
    release()
    await bench.synced(file)
  })

  it('nests', async () => {
    const file = bench.newFile('a')
    await file.save('x')
    const first = await file.content.pause()
    const second = await file.content.pause()
    first()
    first()
    await bench.clock.advance(1000)
    await settle()
    expect(bench.remote.count()).toBe(0)
    second()
    await bench.synced(file)
  })

  it('a rename over a file replaces exactly that file', async () => {
    const target = bench.remote.putAsOther('real', 'old')
    const file = bench.newFile('real.tmp')
    await file.save('new')
    const release = await file.content.pause()
    file.where = ['real']
    file.content.rebase(target.entity!)
    release()
    await bench.settleAll(file)
    expect(bench.remote.paths()).toEqual(['real'])
    expect(bench.remote.entryAt('real').id).toBe(target.id)
    expect(bench.remote.textAt('real')).toBe('new')
  })

  it('discarding during an upload leaves no session and no further upload', async () => {
    await bench.stop()
    await bench.remove()
    bench = await WriteBench.open({ putLimitBytes: 4, chunkBytes: 4 })
    const file = bench.newFile('a')
    await file.save('a large file')
    const gate = bench.remote.hold('uploadChunk')
    await bench.clock.advance(500)
    await gate.entered
    const discarding = file.content.discard()
    gate.release()
    await discarding
    await bench.clock.advance(100_000)
    expect(bench.remote.openSessions).toBe(0)
    expect(bench.remote.paths()).toEqual([])
    expect(bench.remote.count('upload')).toBe(1)
    expect(bench.writeBack.pending()).toEqual([])
  })

  it('discarding while the server is away cancels the session when it is back', async () => {
    await bench.stop()
    await bench.remove()
    bench = await WriteBench.open({ putLimitBytes: 4, chunkBytes: 4 })
    const file = bench.newFile('a')
    await file.save('a large file')
    const gate = bench.remote.hold('uploadChunk')
    await bench.clock.advance(500)
    await gate.entered
    bench.remote.offline = true
    gate.release()
    await inState(file, 'retrying')
    await file.content.discard()
    expect(bench.remote.openSessions).toBe(1)
    bench.remote.offline = false
    await bench.clock.advance(60_000)
    expect(bench.remote.openSessions).toBe(0)
    expect(bench.remote.paths()).toEqual([])
  })

  it('does not wait for the whole comparison with what the server has', async () => {
    const file = bench.existingFile('a', 'old')
    await file.save('mine')
    bench.remote.putAsOther('a', 'them')
    const gate = bench.remote.hold('readRange')
    await bench.clock.advance(500)
    await gate.entered
    const pausing = file.content.pause()
    gate.release()
    const release = await pausing
    expect(bench.remote.paths()).toEqual(['a'])
    release()
    await bench.synced(file)
    expect(bench.remote.paths()).toHaveLength(2)
  })
})
