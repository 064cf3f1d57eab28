import { describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { FsError } from '../../../../src/core/errors.ts'
import { judge, mayHaveBeenDone } from '../../../../src/core/write/failure.ts'
import { RemoteError, type RemoteErrorKind } from '../../../../src/remote/errors.ts'

const remote = (kind: RemoteErrorKind) => new RemoteError(kind, 'what the server said', { holder: 'Ann' })
const local = (code: string) => Object.assign(new Error(`${code}: what the system said`), { code })

describe('an upload that failed', () => {
  it.each<[RemoteErrorKind, string, number]>([
    ['not-found', 'it is being changed at the server (what the server said)', 1000],
    ['exists', 'it is being changed at the server (what the server said)', 1000],
    ['stale', 'it is being changed at the server (what the server said)', 1000],
    ['locked', 'Ann holds a lock on it at the server', 1000],
    ['conflict', 'what the server said', 100],
    ['unauthenticated', 'what the server said', 1000],
    ['offline', 'what the server said', 1000],
    ['unknown-outcome', 'what the server said', 1000],
    ['server', 'what the server said', 1000],
    ['protocol', 'what the server said', 1000],
    ['aborted', 'what the server said', 1000],
  ])('is tried again: %s', (kind, detail, firstMs) => {
    expect(judge(remote(kind), '/a')).toEqual({ kind: 'retry', detail, firstMs })
  })

  it.each<[RemoteErrorKind, RegExp, number]>([
    ['quota', /^the drive is full; it is tried again when there is room/, Errno.EDQUOT],
    ['too-large', /takes no files of this size/, Errno.EFBIG],
    ['bad-name', /rename the file/, Errno.EINVAL],
    ['denied', /does not permit it/, Errno.EACCES],
    ['entity-gone', /does not keep the version any more/, Errno.ESTALE],
    ['unsupported', /^what the server said$/, Errno.EOPNOTSUPP],
    ['invalid', /^what the server said$/, Errno.EINVAL],
  ])('waits for a person: %s', (kind, detail, errno) => {
    const verdict = judge(remote(kind), '/a')
    expect(verdict).toMatchObject({ kind: 'park', error: { errno } })
    expect(verdict.detail).toMatch(detail)
  })

  it('on the way to a place that is not there any more is tried again', () => {
    expect(judge(new FsError(Errno.ENOENT, '/d is not there'), '/d/a')).toEqual({
      kind: 'retry',
      detail: 'it is being changed at the server (ENOENT: /d is not there)',
      firstMs: 1000,
    })
  })

  it('on the local disk, which was full, is tried again', () => {
    for (const code of ['ENOSPC', 'EDQUOT'])
      expect(judge(local(code), '/a')).toMatchObject({ kind: 'retry', detail: 'the local disk is full' })
  })

  it('for want of something else of this machine says of what', () => {
    for (const code of ['EMFILE', 'ENFILE', 'EAGAIN'])
      expect(judge(local(code), '/a')).toMatchObject({
        kind: 'retry',
        detail: `this machine has no room for it now (${code}: what the system said)`,
      })
  })

  it('is judged by what it was caused by', () => {
    const wrapped = new FsError(Errno.EIO, '/a: failed', { cause: remote('locked') })
    expect(judge(wrapped, '/a')).toMatchObject({ kind: 'retry' })
  })

  it('for a reason that is not known waits for a person', () => {
    expect(judge(local('EROFS'), '/a')).toMatchObject({ kind: 'park', detail: 'EROFS: what the system said' })
  })
})

it.each<[RemoteErrorKind, boolean]>([
  ['unknown-outcome', true],
  ['server', true],
  ['protocol', true],
  ['aborted', true],
  ['offline', false],
  ['locked', false],
  ['stale', false],
])('what failed with %s may have been done: %s', (kind, isPossible) => {
  expect(mayHaveBeenDone(remote(kind))).toBe(isPossible)
})
