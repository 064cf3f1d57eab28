import { describe, expect, it } from 'vitest'
import { Errno } from '../../../src/base/errno.ts'
import { FsError } from '../../../src/core/errors.ts'
import type { DiscardOutcome } from '../../../src/core/drive-folder.ts'
import type { Json } from '../../../src/mount/spec.ts'
import { uploadQuestions } from '../../../src/mount/upload-questions.ts'

const asked: unknown[] = []

function ask(method: string, params: Json, answers: { retry?: boolean; discard?: DiscardOutcome } = {}) {
  const folder = {
    retryUpload: (names: readonly string[]) => {
      asked.push(names)
      if (names.includes('none')) return Promise.reject(new FsError(Errno.ENOENT, 'no such name'))
      return Promise.resolve(answers.retry ?? true)
    },
    discardUpload: (names: readonly string[]) => {
      asked.push(names)
      return Promise.resolve(answers.discard ?? 'discarded')
    },
  }
  const methods = uploadQuestions({ folder, mountpoint: '/home/ann/cloud' })
  const signal = new AbortController().signal
  return methods[method]!({ params, signal, progress: () => undefined })
}

const file = { path: '/home/ann/cloud/Plans/a.txt' }

describe.each(['retry', 'discard'])('%s', (method) => {
  it('passes on the names from the root of the mount', async () => {
    asked.length = 0
    expect(await ask(method, file)).toBe(null)
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
    await expect(ask('retry', { path: '/home/ann/cloud/none' })).rejects.toThrow('no such file or folder')
  })
})
