import { readdir } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../fakes/eventually.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { WriteBench } from '../../../fakes/write-bench.ts'

let bench: WriteBench

beforeEach(async () => {
  bench = await WriteBench.open()
})

afterEach(async () => {
  await bench.stop()
  await bench.remove()
})

/** After `close`, which waits for removals. */
async function stagedNames(): Promise<string[]> {
  return (await readdir(bench.stagingFolder)).filter((name) => name !== 'lock')
}

describe('saving a file', () => {
  it('sends many writes as one upload, after the quiet time [W8]', async () => {
    const file = bench.newFile('a.txt')
    file.content.retainWriter()
    await file.write(0, 'hello')
    await file.write(5, ' wor')
    await file.append('ld')
    file.content.releaseWriter()
    await bench.clock.advance(499)
    expect(bench.remote.count()).toBe(0)
    expect(file.content.sync).toEqual({ state: 'waiting' })
    await bench.clock.advance(1)
    await bench.synced(file)
    expect(bench.remote.textAt('a.txt')).toBe('hello world')
    expect(bench.remote.count()).toBe(1)
    expect(file.confirmations.map(({ name }) => name)).toEqual(['a.txt'])
    await bench.stop()
    expect(await stagedNames()).toEqual([])
  })

  it('sends nothing of a file that is opened again and cut down just when its turn comes', async () => {
    const file = bench.newFile('a.txt')
    await file.save('first')
    file.before = async () => {
      file.before = () => Promise.resolve()
      file.content.retainWriter()
      await file.content.truncate(0)
    }
    await bench.clock.advance(500)
    await settle()
    expect(bench.remote.count()).toBe(0)
    await file.write(0, 'second')
    file.content.releaseWriter()
    await bench.settleAll(file)
    expect(bench.remote.textAt('a.txt')).toBe('second')
    expect(bench.remote.count('upload')).toBe(1)
  })

  it('sends a file that is opened again each time just when its turn comes', async () => {
    const file = bench.newFile('a.txt')
    await file.save('first')
    file.before = async () => {
      file.before = () => Promise.resolve()
      file.content.retainWriter()
      await file.append(', second')
    }
    await bench.clock.advance(500)
    await eventually(() => bench.remote.count('upload') === 1)
    file.content.releaseWriter()
    await bench.settleAll(file)
    expect(bench.remote.textAt('a.txt')).toBe('first, second')
  })

  it('starts the quiet time when the last writer is gone [W8]', async () => {
    const file = bench.newFile('a.txt')
    file.content.retainWriter()
    file.content.retainWriter()
    await file.write(0, 'x')
    file.content.releaseWriter()
    await bench.clock.advance(5000)
    expect(bench.remote.count('upload')).toBe(0)
    file.content.releaseWriter()
    await bench.settleAll(file)
    expect(bench.remote.count('upload')).toBe(1)
  })

  it('waits again when a file is opened again within the quiet time', async () => {
    const file = bench.newFile('a.txt')
    await file.save('one')
    await bench.clock.advance(400)
    await file.save('two')
    await bench.clock.advance(400)
    expect(bench.remote.count('upload')).toBe(0)
    await bench.settleAll(file)
    expect(bench.remote.count('upload')).toBe(1)
    expect(bench.remote.textAt('a.txt')).toBe('two')
  })

  it('tells the server nothing of a file that was created and discarded', async () => {
    const file = bench.newFile('a.txt')
    await file.save('gone')
    await file.content.discard()
    await bench.clock.advance(10_000)
    expect(bench.remote.count()).toBe(0)
    expect(file.content).toMatchObject({ isDirty: false, sizeBytes: 0 })
    await bench.stop()
    expect(await stagedNames()).toEqual([])
  })

  it('uploads an empty new file', async () => {
    const file = bench.newFile('empty')
    await file.content.createEmpty()
    expect(file.content.isDirty).toBe(true)
    await bench.settleAll(file)
    expect(bench.remote.bytesAt('empty')).toEqual(new Uint8Array())
    expect(file.content.base).toBe(bench.remote.entryAt('empty').entity)
  })

  it('never downloads what is overwritten whole', async () => {
    const file = bench.existingFile('a', 'old content')
    await file.write(0, 'NEW CONTENT')
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('NEW CONTENT')
    expect(bench.remote.count()).toBe(1)
  })

  it('brings the unchanged parts for the upload, where that comes soon', async () => {
    const file = bench.existingFile('a', 'abcdefghij')
    await file.write(2, 'XY')
    await file.append('!')
    await settle()
    expect(bench.remote.count('readRange')).toBe(0)
    expect(await file.text()).toBe('abXYefghij!')
    bench.remote.script.forgetCalls()
    await bench.settleAll(file)
    expect(bench.remote.count('readRange')).toBe(2)
    expect(bench.remote.textAt('a')).toBe('abXYefghij!')
  })

  it('reads zeros where a file was cut and grew again', async () => {
    const file = bench.existingFile('a', 'abcdef')
    await file.content.truncate(2)
    await file.content.truncate(4)
    await file.write(6, 'Z')
    expect(await file.text()).toBe('ab\0\0\0\0Z')
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('ab\0\0\0\0Z')
  })

  it('cutting to the present size of a clean file is no change', async () => {
    const file = bench.existingFile('a', 'abc')
    await file.content.truncate(3)
    expect(file.content.isDirty).toBe(false)
    expect(file.changes).toBe(0)
  })

  it('tells times: of the last write while dirty, of what was confirmed afterwards', async () => {
    const file = bench.existingFile('a', 'abc')
    expect(file.content.modifiedAt).toBeUndefined()
    await file.write(0, 'x')
    const at = { seconds: bench.clock.now() / 1000, nanoseconds: 0 }
    expect(file.content.modifiedAt).toEqual(at)
    await bench.settleAll(file)
    expect(file.content.modifiedAt).toBeUndefined()
    expect(file.content.confirmedModifiedAt).toEqual(at)
  })

  it('sends times and attributes that were set together with the content', async () => {
    const file = bench.newFile('a')
    file.facts = { modifiedAtMs: 1234, metadata: { 'customize:mode': '755' } }
    await file.save('x')
    await bench.settleAll(file)
    expect(bench.remote.entryAt('a')).toMatchObject({
      updatedAtMs: 1234,
      metadata: { 'customize:mode': '755' },
    })
    expect(bench.remote.openSessions).toBe(0)
  })
})

describe('writing during an upload', () => {
  it('sends exactly what was frozen, then the newer content as the next version', async () => {
    const file = bench.newFile('a')
    await file.save('first version, long')
    const gate = bench.remote.hold('upload')
    await bench.clock.advance(500)
    await gate.entered
    expect(file.content.sync.state).toBe('uploading')
    await file.write(0, 'SECOND')
    await file.content.truncate(10)
    expect(await file.text()).toBe('SECONDvers')
    gate.release()
    await eventually(() => file.confirmations.length === 1)
    expect(bench.remote.textAt('a')).toBe('first version, long')
    expect(file.content.isDirty).toBe(true)
    expect(await file.text()).toBe('SECONDvers')
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('SECONDvers')
    expect(bench.remote.count()).toBe(2)
    expect(file.displacements).toEqual([])
  })

  it('uploads a file that stays open at intervals while it changes', async () => {
    const file = bench.newFile('log')
    file.content.retainWriter()
    await file.append('one\n')
    await bench.clock.advance(59_999)
    expect(bench.remote.count('upload')).toBe(0)
    await bench.clock.advance(1)
    await bench.synced(file)
    expect(bench.remote.textAt('log')).toBe('one\n')
    await bench.clock.advance(600_000)
    expect(bench.remote.count('upload')).toBe(1)
    await file.append('two\n')
    await bench.clock.advance(60_000)
    await bench.synced(file)
    expect(bench.remote.textAt('log')).toBe('one\ntwo\n')
    file.content.releaseWriter()
  })

  it('gives an open file ten times the rest that its last upload took', async () => {
    const file = bench.newFile('log')
    file.content.retainWriter()
    await file.append('one\n')
    const gate = bench.remote.hold('upload')
    await bench.clock.advance(60_000)
    await gate.entered
    await file.append('two\n')
    await bench.clock.advance(20_000)
    gate.release()
    await eventually(() => file.confirmations.length === 1)
    await bench.clock.advance(199_999)
    await settle()
    expect(bench.remote.count('upload')).toBe(1)
    await bench.clock.advance(1)
    await bench.synced(file)
    expect(bench.remote.textAt('log')).toBe('one\ntwo\n')
    file.content.releaseWriter()
  })

  it('a large upload never delays a small one', async () => {
    await bench.stop()
    await bench.remove()
    bench = await WriteBench.open({ concurrency: 1 })
    const large = bench.newFile('film')
    await large.write(5 * 1024 ** 2, 'x')
    const gate = bench.remote.hold('uploadChunk')
    await bench.clock.advance(500)
    await gate.entered
    const small = bench.newFile('letter')
    await small.save('dear')
    await bench.settleAll(small)
    expect(bench.remote.textAt('letter')).toBe('dear')
    expect(large.content.sync.state).toBe('uploading')
    gate.release()
    await bench.synced(large)
  })
})

describe('reading while the base changes', () => {
  it('starts over, and never mixes two versions', async () => {
    const file = bench.existingFile('a', 'abcdef')
    await file.write(0, 'X')
    let reads = 0
    const bytes = await file.content.read(0, 6, async (start, end) => {
      reads += 1
      if (reads > 1) return Buffer.from('zzzzzz').subarray(start, end)
      await file.content.flushNow()
      file.content.adoptClean(bench.remote.putAsOther('a', 'zzzzzz'))
      return Buffer.from('abcdef').subarray(start, end)
    })
    expect(Buffer.from(bytes).toString()).toBe('zzzzzz')
  })

  it('starts over when the old base cannot be read any more', async () => {
    const file = bench.existingFile('a', 'abcdef')
    const bytes = await file.content.read(0, 9, (start, end) => {
      if (file.content.sizeBytes === 3) return Promise.resolve(Buffer.from('new').subarray(start, end))
      file.content.adoptClean(bench.remote.putAsOther('a', 'new'))
      return Promise.reject(new Error('gone'))
    })
    expect(Buffer.from(bytes).toString()).toBe('new')
  })

  it('passes on why the base cannot be read', async () => {
    const file = bench.existingFile('a', 'abcdef')
    const read = file.content.read(0, 9, () => Promise.reject(new Error('no')))
    await expect(read).rejects.toThrow('no')
  })

  it('ends where the file ended when the read had its turn', async () => {
    const file = bench.newFile('a')
    await file.write(0, 'abcdef')
    const [, bytes] = await Promise.all([file.content.truncate(2), file.text()])
    expect(bytes).toBe('ab')
  })
})

describe('flushing', () => {
  it('uploads at once and waits', async () => {
    const file = bench.newFile('a')
    file.content.retainWriter()
    await file.write(0, 'x')
    await file.content.flushNow()
    expect(bench.remote.textAt('a')).toBe('x')
    expect(file.content.isDirty).toBe(false)
    file.content.releaseWriter()
  })

  it('stops waiting when it is told to, and uploads all the same', async () => {
    const file = bench.newFile('a')
    await file.write(0, 'x')
    const gate = bench.remote.hold('upload')
    const waiting = new AbortController()
    const flushed = file.content.flushNow(waiting.signal)
    await gate.entered
    waiting.abort()
    await expect(flushed).rejects.toThrow()
    gate.release()
    await bench.synced(file)
    expect(bench.remote.textAt('a')).toBe('x')
  })

  it('drains everything without quiet time and shows progress', async () => {
    const files = ['a', 'b', 'c'].map((name) => bench.newFile(name))
    for (const file of files) await file.save(file.label)
    const left: number[] = []
    const failed = await bench.writeBack.drain({ onProgress: ({ files }) => left.push(files) })
    expect(failed).toEqual([])
    expect(bench.remote.paths()).toEqual(['a', 'b', 'c'])
    expect(left[0]).toBe(3)
    expect(left.at(-1)).toBe(0)
    expect(bench.writeBack.pending()).toEqual([])
  })

  it('a drain sends an open file once, and ends although a program goes on writing to it', async () => {
    const file = bench.newFile('log')
    file.content.retainWriter()
    await file.write(0, 'one')
    const gate = bench.remote.hold('upload')
    const drained = bench.writeBack.drain()
    await gate.entered
    await file.append(' two')
    gate.release()
    expect(await drained).toEqual([])
    expect(bench.remote.textAt('log')).toBe('one')
    expect(bench.writeBack.pending()).toMatchObject([{ label: 'log' }])
    file.content.releaseWriter()
    await bench.writeBack.drain()
    expect(bench.remote.textAt('log')).toBe('one two')
  })

  it('sends nothing of an unlinked file, and a drain does not wait for it', async () => {
    const file = bench.newFile('a')
    await file.save('x')
    file.where = undefined
    await file.content.relabel()
    await bench.clock.advance(10_000)
    expect(await bench.writeBack.drain()).toEqual([])
    expect(bench.remote.count()).toBe(0)
    expect(await file.text()).toBe('x')
    await file.content.discard()
  })

  it('ends waiting for a file that is unlinked meanwhile', async () => {
    const file = bench.newFile('a')
    await file.write(0, 'x')
    const release = await file.content.pause()
    const drained = bench.writeBack.drain()
    file.where = undefined
    release()
    expect(await drained).toEqual([])
    expect(bench.remote.count()).toBe(0)
  })
})
