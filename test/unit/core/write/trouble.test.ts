import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { RemoteError, type RemoteErrorKind } from '../../../../src/remote/errors.ts'
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

const errno = (errno: number) => expect.objectContaining({ errno }) as unknown

function inState(file: FakeFile, state: string): Promise<void> {
  return eventually(() => file.content.sync.state === state)
}

describe('transient failures', () => {
  it('are tried again for ever, with growing pauses of at most a minute [F2][F9]', async () => {
    const file = bench.newFile('a')
    await file.save('x')
    bench.remote.fail('upload', new RemoteError('locked', 'it is locked', { holder: 'upload' }), 9)
    await bench.clock.advance(500)
    await inState(file, 'retrying')
    expect(file.content.sync.detail).toContain('upload holds a lock')
    for (const [i, pauseMs] of [1, 2, 4, 8, 16, 32, 60, 60, 60].map((s) => s * 1000).entries()) {
      await bench.clock.advance(pauseMs - 1)
      expect(bench.remote.count('upload')).toBe(i + 1)
      await bench.clock.advance(1)
      await eventually(
        () => bench.remote.count('upload') === i + 2 && !bench.writeBack.pending()[0]?.sentBytes,
      )
      await eventually(() => file.content.sync.state !== 'uploading')
    }
    await bench.synced(file)
    expect(bench.remote.textAt('a')).toBe('x')
  })

  it('of the whole server let one file at a time try', async () => {
    bench.remote.offline = true
    const files = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => bench.newFile(name))
    for (const file of files) await file.save(file.label)
    await bench.clock.advance(500)
    await eventually(() => files.every(({ content }) => content.sync.state === 'retrying'))
    await settle()
    const first = bench.remote.count('upload')
    expect(first).toBeLessThanOrEqual(4)
    for (const seconds of [1, 2, 4, 8]) {
      await bench.clock.advance(seconds * 1000)
      await settle()
    }
    await eventually(() => bench.remote.count('upload') === first + 4)
    expect(files[5]?.content.sync.detail).toContain('cannot be reached')
    bench.remote.offline = false
    await bench.clock.advance(60_000)
    await bench.synced(...files)
    expect(bench.remote.paths()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  })

  it('of many different files in a row are taken as a sick server', async () => {
    const files = ['a', 'b', 'c', 'd'].map((name) => bench.newFile(name))
    for (const file of files) await file.save(file.label)
    bench.remote.fail('upload', new RemoteError('server', 'the storage does not answer'), 4)
    await bench.clock.advance(500)
    await eventually(() => files[3]?.content.sync.detail?.includes('may have to be restarted') === true)
    await bench.clock.advance(60_000)
    await bench.synced(...files)
    expect(bench.failures).toEqual([])
  })

  it('of the database let one file at a time try, and are said to need a restart; nothing fails, and all arrive after it [F6]', async () => {
    const files = Array.from({ length: 20 }, (_, i) => bench.newFile(`f${i}`))
    for (const file of files) await file.save(file.label)
    const stuck = new RemoteError('server', 'database is locked', { isDatabaseFailure: true })
    bench.remote.fail('upload', stuck, 10_000)
    await bench.clock.advance(500)
    await eventually(() => files.every(({ content }) => content.sync.state === 'retrying'))
    await settle()
    expect(files[19]?.content.sync.detail).toContain("the server's database is stuck")
    expect(files[19]?.content.sync.detail).toContain('must be restarted')
    const first = bench.remote.count('upload')
    expect(first).toBeLessThanOrEqual(4)
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      await bench.clock.advance(seconds * 1000)
      await settle()
    }
    await eventually(() => bench.remote.count('upload') === first + 8)
    bench.remote.script.recover('upload')
    await bench.clock.advance(60_000)
    await bench.synced(...files)
    expect(bench.failures).toEqual([])
  })

  it('of the database are not over because the server refuses a name', async () => {
    const files = ['a', 'b', 'c'].map((name) => bench.newFile(name))
    for (const file of files) await file.save(file.label)
    bench.remote.fail('upload', new RemoteError('server', 'no', { isDatabaseFailure: true }), 3)
    await bench.clock.advance(500)
    await eventually(() => files.every(({ content }) => content.sync.state === 'retrying'))
    bench.remote.fail('upload', new RemoteError('bad-name', 'no such name'))
    await bench.clock.advance(1000)
    await eventually(() => files.some(({ content }) => content.sync.state === 'failed'))
    const others = files.filter(({ content }) => content.sync.state !== 'failed')
    for (const { content } of others) expect(content.sync.detail).toContain('must be restarted')
    await bench.clock.advance(2000)
    await bench.synced(...others)
  })

  it('of the database end when it opens the session of a film, for whose end nobody waits', async () => {
    const files = ['a', 'b', 'c'].map((name) => bench.newFile(name))
    for (const file of files) await file.save(file.label)
    bench.remote.fail('upload', new RemoteError('server', 'no', { isDatabaseFailure: true }), 3)
    await bench.clock.advance(500)
    await eventually(() => files.every(({ content }) => content.sync.state === 'retrying'))
    const film = bench.newFile('film')
    await film.write(5 * 1024 ** 2, 'x')
    const gate = bench.remote.hold('uploadChunk')
    const releases = await Promise.all(files.map(({ content }) => content.pause()))
    await bench.clock.advance(1000)
    await gate.entered
    for (const release of releases) release()
    await bench.synced(...files)
    expect(film.content.sync.state).toBe('uploading')
    gate.release()
    await bench.synced(film)
  })

  it('a lost answer makes no second version and no conflict with ourselves', async () => {
    const file = bench.existingFile('a', 'old')
    await file.save('new')
    bench.remote.loseAnswers('upload')
    await bench.clock.advance(500)
    await inState(file, 'retrying')
    await bench.clock.advance(1000)
    await bench.synced(file)
    expect(bench.remote.paths()).toEqual(['a'])
    const { versions } = await bench.remote.details(['a'])
    expect(versions).toHaveLength(2)
    expect(file.content.base).toBe(bench.remote.entryAt('a').entity)
    expect(file.displacements).toEqual([])
  })

  it.each(['new', ''])(
    'a lost answer to content (%j) that changed since is recognised too',
    async (content) => {
      const file = bench.existingFile('a', 'old')
      await file.save(content)
      bench.remote.loseAnswers('upload')
      await bench.clock.advance(500)
      await inState(file, 'retrying')
      await file.save('newer')
      await bench.clock.advance(1000)
      await bench.synced(file)
      expect(bench.remote.paths()).toEqual(['a'])
      expect(bench.remote.textAt('a')).toBe('newer')
      expect(file.displacements).toEqual([])
    },
  )

  it('a lost answer to a conflict copy makes no second copy', async () => {
    const file = bench.existingFile('a.txt', 'old')
    await file.save('mine')
    bench.remote.putAsOther('a.txt', 'theirs')
    const gate = bench.remote.hold('upload')
    await bench.clock.advance(500)
    await gate.entered
    bench.remote.fail('upload', new RemoteError('stale', 'changed'))
    bench.remote.loseAnswers('upload')
    gate.release()
    await inState(file, 'retrying')
    await bench.clock.advance(61_000)
    await bench.synced(file)
    expect(bench.remote.paths()).toHaveLength(2)
    expect(bench.remote.textAt('a.txt')).toBe('theirs')
  })
})

describe('permanent failures', () => {
  const cases: [RemoteErrorKind, number][] = [
    ['quota', Errno.EDQUOT],
    ['too-large', Errno.EFBIG],
    ['bad-name', Errno.EINVAL],
    ['denied', Errno.EACCES],
    ['invalid', Errno.EINVAL],
  ]

  it.each(cases)('%s parks the upload, keeps the content and says so [F13]', async (kind, expected) => {
    const file = bench.existingFile('a', 'old')
    await file.save('precious')
    bench.remote.fail('upload', new RemoteError(kind, 'no'))
    if (kind === 'quota') bench.remote.totalBytes = 0
    await bench.clock.advance(500)
    await inState(file, 'failed')
    expect(() => file.content.check()).toThrow(errno(expected))
    await expect(file.write(0, 'x')).rejects.toEqual(errno(expected))
    await expect(file.content.fsync()).rejects.toEqual(errno(expected))
    await expect(file.content.flushNow()).rejects.toEqual(errno(expected))
    expect(await file.text()).toBe('precious')
    expect(bench.failures.map(({ label }) => label)).toEqual(['a'])
    const failed = await bench.writeBack.drain()
    expect(failed.map(({ label }) => label)).toEqual(['a'])
    await bench.clock.advance(3_600_000)
    expect(bench.remote.count('upload')).toBe(1)
    bench.remote.totalBytes = 1000
    file.content.retry()
    await bench.synced(file)
    expect(bench.remote.textAt('a')).toBe('precious')
  })

  it('a new content or a new name tries again', async () => {
    const file = bench.newFile('a?')
    await file.save('one')
    await bench.clock.advance(500)
    await inState(file, 'failed')
    expect(file.content.sync.detail).toContain('rename')
    file.where = ['a']
    await file.content.relabel()
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('one')
    bench.remote.fail('upload', new RemoteError('denied', 'no'))
    await file.save('two')
    await bench.clock.advance(500)
    await inState(file, 'failed')
    await file.save('three')
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('three')
  })

  it('a base that vanished is never replaced by another version', async () => {
    await bench.stop()
    await bench.remove()
    bench = await WriteBench.open({ versionsKept: 1 })
    const file = bench.existingFile('a', 'old old old')
    await file.write(0, 'NEW')
    bench.remote.putAsOther('a', 'other')
    await bench.clock.advance(500)
    await inState(file, 'failed')
    expect(file.content.sync.detail).toContain('does not keep the version')
    expect(file.content).toMatchObject({ isDirty: true, sizeBytes: 11 })
    expect(bench.remote.textAt('a')).toBe('other')
  })
})
