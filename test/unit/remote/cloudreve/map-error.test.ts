import { describe, expect, it } from 'vitest'
import { Code } from '../../../../src/api/codes.ts'
import { ApiError, type ApiErrorKind } from '../../../../src/api/errors.ts'
import {
  asRemote,
  kindOfCode,
  knownCodes,
  toRemoteError,
} from '../../../../src/remote/cloudreve/map-error.ts'
import type { RemoteError, RemoteErrorKind } from '../../../../src/remote/errors.ts'

/** The server's own table, by what a filesystem has to do about it. */
const table: Partial<Record<RemoteErrorKind, readonly number[]>> = {
  'not-found': [404, 40016, 40044, 40058, 40078],
  exists: [40004],
  denied: [403, 40007, 40008, 40010, 40046, 40053, 40059, 40069, 40070, 40079, 40082, 40083, 40087, 40089],
  unauthenticated: [401, 40017, 40018, 40020, 40021, 40088],
  locked: [40054, 40073, 40075],
  conflict: [409, 40057],
  stale: [40076],
  quota: [40051],
  'too-large': [40049],
  'bad-name': [40050, 40052],
  'entity-gone': [40077],
  unsupported: [40006, 40019, 40056],
  invalid: [40001, 40012, 40013, 40014, 40015, 40074],
  server: [
    -1, 40002, 40003, 40005, 40009, 40011, 40045, 40047, 40048, 40055, 40071, 50001, 50002, 50004, 50005,
    50006, 50007, 50008, 50009, 50010, 50011,
  ],
}

const details = { endpoint: 'X /y', mutating: false }
const batch = (...codes: number[]) => new ApiError('batch', 'x', { ...details, items: codes.map(item) })
const item = (code: number) => ({ uri: 'u', code, message: '' })
const kindOf = (error: unknown) => (toRemoteError(error) as RemoteError).kind

describe('what the server says', () => {
  it.each(Object.entries(table).flatMap(([kind, codes]) => codes.map((code) => [code, kind] as const)))(
    'with code %i is %s',
    (code, kind) => {
      expect(kindOfCode(code)).toBe(kind)
      expect(kindOf(new ApiError('refused', 'x', { ...details, code }))).toBe(kind)
    },
  )

  it.each([
    [-1, true],
    [50001, true],
    [50004, false],
    [40011, false],
  ])('with code %i tells of the database: %s', (code, isDatabaseFailure) => {
    const error = toRemoteError(new ApiError('refused', 'x', { ...details, code }))
    expect(error).toMatchObject({ isDatabaseFailure })
  })

  it('has no entry that this test does not know', () => {
    const listed = Object.values(table).flat()
    expect(knownCodes.filter((code) => !listed.includes(code))).toEqual([])
    expect(new Set(listed).size).toBe(listed.length)
  })

  it('with a code that nobody knows is a failure of the server, never "not found"', () => {
    for (const code of [40099, 60000, 7]) expect(kindOfCode(code)).toBe('server')
  })

  it('knows every code that the client handles by name', () => {
    const signInOnly = [
      Code.ok,
      Code.twoFactorNeeded,
      Code.wrongTwoFactorCode,
      Code.wrongCaptcha,
      Code.wrongPassword,
    ]
    const handled = Object.values(Code).filter(
      (code) => !([...signInOnly, Code.batchIncomplete] as number[]).includes(code),
    )
    expect(handled.filter((code) => !knownCodes.includes(code))).toEqual([])
  })
})

describe('a failed call', () => {
  it.each([
    ['unsent', true, 'offline'],
    ['lost', true, 'unknown-outcome'],
    ['lost', false, 'server'],
    ['busy', true, 'server'],
    ['no-route', false, 'unsupported'],
    ['malformed', true, 'protocol'],
    ['signed-out', true, 'unauthenticated'],
    ['closed', true, 'offline'],
  ] as const)('%s (mutating: %s) is %s', (kind: ApiErrorKind, mutating, expected) => {
    expect(kindOf(new ApiError(kind, 'x', { ...details, mutating }))).toBe(expected)
  })

  it.each([
    [502, true, 'unknown-outcome'],
    [502, false, 'server'],
    [413, true, 'too-large'],
    [403, true, 'denied'],
  ] as const)('behind a proxy with status %i (mutating: %s) is %s', (status, mutating, expected) => {
    expect(kindOf(new ApiError('gateway', 'x', { ...details, status, mutating }))).toBe(expected)
  })

  it('of a batch is of the kind that is more than "already gone"', () => {
    expect(kindOf(batch(40016, 40016))).toBe('not-found')
    expect(kindOf(batch(40016, 40082, 40016))).toBe('denied')
  })

  it('keeps code, holder and cause', () => {
    const cause = new ApiError('refused', 'locked by an upload', {
      ...details,
      code: 40073,
      holder: 'upload',
    })
    expect(toRemoteError(cause)).toMatchObject({
      kind: 'locked',
      code: 40073,
      holder: 'upload',
      cause,
      message: cause.message,
    })
  })

  it('is "aborted" when the caller stopped waiting', async () => {
    const stop = new AbortController()
    stop.abort()
    await expect(
      asRemote(() => Promise.reject(stop.signal.reason as Error), stop.signal),
    ).rejects.toMatchObject({ kind: 'aborted' })
  })

  it('leaves bugs of ours alone', () => {
    const bug = new TypeError('x is not a function')
    expect(toRemoteError(bug)).toBe(bug)
  })
})
