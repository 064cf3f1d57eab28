import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Errno } from '../../../src/base/errno.ts'
import { FsError } from '../../../src/core/errors.ts'
import type { DiscardOutcome, PendingChange } from '../../../src/core/index.ts'
import type { OpContext } from '../../../src/core/types.ts'
import type { Json } from '../../../src/mount/spec.ts'
import { uploadQuestions } from '../../../src/mount/upload-questions.ts'

const asked: unknown[] = []

function ask(method: string, params: Json, answers: { retry?: boolean; discard?: DiscardOutcome } = {}) {
  const folder = {
    retry: (names: readonly string[]) => {
      asked.push(names)
      if (names.includes('none')) return Promise.reject(new FsError(Errno.ENOENT, 'no such name'))
      if (names.includes('taken')) return Promise.reject(new FsError(Errno.EEXIST, 'b exists already'))
      return Promise.resolve(answers.retry ?? true)
    },
    discard: (names: readonly string[]) => {
      asked.push(names)
      return Promise.resolve(answers.discard ?? 'content')
    },
    retryAll: () => Promise.resolve([change('content', 1), change('rename', 1), change('deletion', 14)]),
    readUnsent: async (
      names: readonly string[],
      _context: OpContext,
      take: (bytes: Uint8Array) => Promise<void>,
    ) => {
      if (names.includes('none')) throw new FsError(Errno.ENOENT, 'no such name')
      if (names.includes('clean')) return false
      await take(Buffer.from('un'))
      if (names.includes('broken')) throw new FsError(Errno.EIO, 'no route to the server')
      await take(Buffer.from('sent'))
      return true
    },
  }
  const methods = uploadQuestions({ folder, mountpoint: '/home/ann/cloud' })
  const signal = new AbortController().signal
  return methods[method]!({ params, signal, progress: () => undefined })
}

const change = (kind: PendingChange['kind'], count: number): PendingChange => ({
  label: '/x',
  kind,
  count,
  state: { state: 'waiting' },
  sizeBytes: 0,
  sentBytes: 0,
})

const file = { path: '/home/ann/cloud/Plans/a.txt' }

describe.each(['retry', 'discard'])('%s', (method) => {
  it('passes on the names from the root of the mount', async () => {
    asked.length = 0
    expect(await ask(method, file)).toEqual(method === 'retry' ? null : { what: 'content' })
    expect(asked).toEqual([['Plans', 'a.txt']])
  })

  it('of a path outside the mount is refused', async () => {
    await expect(ask(method, { path: '/etc/passwd' })).rejects.toThrow('no path in /home/ann/cloud')
  })

  it('names the file with which nothing is to be done', async () => {
    const answers = { retry: false, discard: 'nothing to discard' } as const
    await expect(ask(method, file, answers)).rejects.toThrow(`${file.path} is on the server as it is here`)
  })
})

describe('a refusal', () => {
  it('says what to do first', async () => {
    await expect(ask('discard', file, { discard: 'open' })).rejects.toThrow('close it there first')
    await expect(ask('discard', file, { discard: 'still tried' })).rejects.toThrow('was not given up')
    const others: [DiscardOutcome, string][] = [
      ['not empty', 'what is in it is only here'],
      ['name taken', 'something else has the former name'],
      ['has replaced', 'has replaced something else'],
      ['folder deleted', 'is deleted too'],
      ['being deleted', 'just now'],
      ['deleted', 'its trash may have it'],
    ]
    for (const [outcome, sentence] of others)
      await expect(ask('discard', file, { discard: outcome })).rejects.toThrow(sentence)
    await expect(ask('retry', { path: '/home/ann/cloud/taken' })).rejects.toThrow(/^b exists already$/)
    await expect(ask('retry', { path: '/home/ann/cloud/none' })).rejects.toThrow('no such file or folder')
  })
})

const save = (name: string, target: string) => ask('saveAs', { path: `/home/ann/cloud/${name}`, target })

describe('saveAs', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'save-as-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('writes the whole content to a new file of its user', async () => {
    const target = join(folder, 'mine')
    expect(await save('a.txt', target)).toEqual({ sizeBytes: 6 })
    expect(await readFile(target, 'utf8')).toBe('unsent')
    expect((await stat(target)).mode & 0o777).toBe(0o600)
  })

  it('overwrites nothing', async () => {
    const target = join(folder, 'mine')
    await writeFile(target, 'older')
    await expect(save('a.txt', target)).rejects.toThrow('exists already')
    expect(await readFile(target, 'utf8')).toBe('older')
  })

  it.each([
    ['clean', 'is on the server as it is here'],
    ['none', 'no such file or folder'],
    ['broken', 'no route to the server'],
  ])('leaves nothing half done (%s)', async (name, sentence) => {
    await expect(save(name, join(folder, 'mine'))).rejects.toThrow(sentence)
    expect(await readdir(folder)).toEqual([])
  })

  it('takes no target in the mount, nor one without its folders', async () => {
    await expect(save('a.txt', '/home/ann/cloud/b.txt')).rejects.toThrow('outside')
    await expect(save('a.txt', 'b.txt')).rejects.toThrow('no file named')
  })
})

describe('retryAll', () => {
  it('answers how many files and other changes it is about', async () => {
    expect(await ask('retryAll', null)).toEqual({ files: 1, others: 15 })
  })
})
