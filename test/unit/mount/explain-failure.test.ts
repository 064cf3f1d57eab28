import { describe, expect, it } from 'vitest'
import { ApiError, type ApiErrorKind } from '../../../src/api/errors.ts'
import { AccountStoreError } from '../../../src/auth/account-store.ts'
import { SignInError } from '../../../src/auth/sign-in.ts'
import { exitCodeOf } from '../../../src/cli/errors.ts'
import { explainFailure } from '../../../src/mount/explain-failure.ts'
import { MountError } from '../../../src/mount/spec.ts'
import { RemoteError } from '../../../src/remote/errors.ts'

const server = 'https://cloud.example.com'
const explain = (error: unknown) => explainFailure(error, server, 'sign in again')
const api = (kind: ApiErrorKind, cause?: Error) =>
  new ApiError(kind, 'listing the drive: the server was not reached', { endpoint: 'GET /file', cause })

describe('why a mount could not be made', () => {
  it('names the server that cannot be reached, also behind other errors', () => {
    const refused = api('unsent', new Error('the connection was refused'))
    for (const error of [refused, new RemoteError('offline', 'x', { cause: refused })]) {
      const explained = explain(error)
      expect(explained).toMatchObject({
        message: 'https://cloud.example.com cannot be reached: the connection was refused',
      })
      expect(exitCodeOf(explained)).toBe(5)
    }
  })

  it('tells who must sign in how to do that', () => {
    const ended = explain(new RemoteError('unauthenticated', 'x', { cause: api('signed-out') }))
    expect(ended).toMatchObject({ message: `the sign-in at ${server} has ended: sign in again` })
    expect(exitCodeOf(ended)).toBe(4)
    expect(exitCodeOf(explain(new SignInError('wrong password')))).toBe(4)
    expect(exitCodeOf(explain(new AccountStoreError('no such account')))).toBe(4)
  })

  it('leaves everything else as it is', () => {
    const others = [new TypeError('a bug'), api('malformed'), new MountError('not empty')]
    for (const error of others) expect(explain(error)).toBe(error)
    expect(exitCodeOf(new MountError('not empty'))).toBe(1)
  })
})
