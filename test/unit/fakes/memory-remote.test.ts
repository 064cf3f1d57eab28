import { describe, expect, it } from 'vitest'
import { RemoteError } from '../../../src/remote/errors.ts'
import type { EntityId, UploadRequest, UploadSource } from '../../../src/remote/types.ts'
import { settle } from '../../fakes/manual-clock.ts'
import { MemoryRemote } from '../../fakes/memory-remote.ts'

function source(text: string): UploadSource {
  const bytes = Buffer.from(text)
  return { sizeBytes: bytes.length, read: (start, end) => Promise.resolve(bytes.subarray(start, end)) }
}

function request(path: string, text: string, previous: EntityId | 'absent'): UploadRequest {
  return { path: path.split('/'), previous, source: source(text) }
}

const kind = (kind: string) => expect.objectContaining({ kind }) as unknown

describe('MemoryRemote', () => {
  it('creates a missing file and its parents whatever the previous content was said to be', async () => {
    const remote = new MemoryRemote()
    const entry = await remote.upload(request('a/b/new.txt', 'hello', 'gone' as EntityId))
    expect(remote.textAt('a/b/new.txt')).toBe('hello')
    expect(entry).toMatchObject({ name: 'new.txt', sizeBytes: 5 })
    expect(remote.paths()).toEqual(['a/', 'a/b/', 'a/b/new.txt'])
  })

  it('replaces exactly the content that was named', async () => {
    const remote = new MemoryRemote()
    const first = await remote.upload(request('f', 'one', 'absent'))
    await expect(remote.upload(request('f', 'two', 'absent'))).rejects.toEqual(kind('stale'))
    const second = await remote.upload(request('f', 'two', first.entity!))
    expect(second.id).toBe(first.id)
    await expect(remote.upload(request('f', 'three', first.entity!))).rejects.toEqual(kind('stale'))
    expect(remote.textAt('f')).toBe('two')
  })

  it('takes absent for a file that never had content, not for one that was emptied', async () => {
    const remote = new MemoryRemote()
    await remote.createFile(['f'], {})
    const emptied = await remote.upload(request('f', '', 'absent'))
    expect(emptied.entity).toBeDefined()
    await expect(remote.upload(request('f', 'x', 'absent'))).rejects.toEqual(kind('stale'))
  })

  it('merges metadata, keeps the given time, and names no session afterwards', async () => {
    const remote = new MemoryRemote()
    remote.putAsOther('f', 'one')
    await remote.patchMetadata([['f']], [{ key: 'customize:a', value: '1' }])
    const entry = await remote.upload({
      ...request('f', 'two', remote.entryAt('f').entity!),
      metadata: { 'customize:b': '2' },
      modifiedAtMs: 5000,
    })
    expect(entry).toMatchObject({
      metadata: { 'customize:a': '1', 'customize:b': '2' },
      updatedAtMs: 5000,
      uploadSessionId: undefined,
    })
    expect(remote.openSessions).toBe(0)
  })

  it('never replaces by rename, move or copy', async () => {
    const remote = new MemoryRemote()
    remote.putAsOther('a', '1')
    remote.putAsOther('b', '2')
    remote.putAsOther('d/a', '3')
    await expect(remote.rename(['a'], 'b')).rejects.toEqual(kind('exists'))
    await expect(remote.move([['b'], ['a']], ['d'])).rejects.toEqual(kind('exists'))
    await expect(remote.copy([['a']], ['d'])).rejects.toEqual(kind('exists'))
    expect(remote.paths()).toEqual(['a', 'b', 'd/', 'd/a'])
  })

  it('locks the ancestry of an open session until it is cancelled', async () => {
    const remote = new MemoryRemote({ putLimitBytes: 2, chunkBytes: 2 })
    const gate = remote.hold('uploadChunk')
    const cut = new AbortController()
    let session = { id: '', uri: '' }
    const upload = remote.upload(
      {
        ...request('d/f', 'abcdef', 'absent'),
        onSession: (begun) => {
          session = begun
          return Promise.resolve()
        },
      },
      { signal: cut.signal },
    )
    await gate.entered
    await expect(remote.rename(['d'], 'e')).rejects.toEqual(kind('locked'))
    cut.abort()
    gate.release()
    await expect(upload).rejects.toEqual(kind('aborted'))
    expect(remote.openSessions).toBe(1)
    await remote.cancelUpload(session)
    await remote.rename(['d'], 'e')
    expect(remote.paths()).toEqual(['e/'])
  })

  it('does the work of a call whose answer is lost, and nothing for a call that fails', async () => {
    const remote = new MemoryRemote()
    remote.loseAnswers('upload')
    await expect(remote.upload(request('f', 'x', 'absent'))).rejects.toEqual(kind('unknown-outcome'))
    expect(remote.textAt('f')).toBe('x')
    remote.fail('upload', new RemoteError('server', 'it broke'), 2)
    for (let i = 0; i < 2; i += 1)
      await expect(remote.upload(request('g', 'x', 'absent'))).rejects.toEqual(kind('server'))
    expect(remote.bytesAt('g')).toBeUndefined()
    expect(remote.count('upload')).toBe(3)
  })

  it('holds calls in flight', async () => {
    const remote = new MemoryRemote()
    const gate = remote.hold('createFolder')
    const made = remote.createFolder(['d'])
    await gate.entered
    await settle()
    expect(gate.waiting).toBe(1)
    expect(remote.paths()).toEqual([])
    gate.release()
    await made
    expect(remote.paths()).toEqual(['d/'])
  })

  it('keeps as many versions as it was told and counts all of them, also in the trash', async () => {
    const remote = new MemoryRemote({ versionsKept: 2, totalBytes: 8 })
    const first = remote.putAsOther('f', 'aaa')
    remote.putAsOther('f', 'bbb')
    expect(await remote.capacity()).toEqual({ totalBytes: 8, usedBytes: 6 })
    const address = { path: () => ['f'], entity: first.entity!, sizeBytes: 3 }
    expect(Buffer.from(await remote.readRange(address, { start: 1, end: 3 })).toString()).toBe('aa')
    const second = remote.putAsOther('f', 'ccc')
    await expect(remote.readRange(address, { start: 0, end: 1 })).rejects.toEqual(kind('entity-gone'))
    await remote.remove([['f']])
    await expect(remote.upload(request('g', 'ddd', 'absent'))).rejects.toEqual(kind('quota'))
    await expect(remote.infoById(second.id)).rejects.toEqual(kind('not-found'))
  })

  it('lists in pages', async () => {
    const remote = new MemoryRemote({ pageSize: 2 })
    for (const name of ['a', 'b', 'c']) remote.putAsOther(name, name)
    const pages: string[][] = []
    for await (const page of remote.list([])) pages.push(page.entries.map(({ name }) => name))
    expect(pages).toEqual([['a', 'b'], ['c']])
    expect(remote.count('list')).toBe(2)
  })
})
