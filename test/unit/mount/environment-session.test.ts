import { describe, expect, it, vi } from 'vitest'
import { SignInError } from '../../../src/auth/sign-in.ts'
import type { Session } from '../../../src/auth/session.ts'
import { environmentSession } from '../../../src/mount/environment-session.ts'
import { ManualClock, settle } from '../../fakes/manual-clock.ts'

const environment = {
  CLOUDREVE_URL: 'https://cloud.example.com/',
  CLOUDREVE_EMAIL: 'ann@example.com',
  CLOUDREVE_PASSWORD: 'secret words',
}

const refuse = () => Promise.reject(new SignInError('wrong password'))

describe('the sign-in of the environment', () => {
  it('waits as long for a server that does not answer as --timeout says [F23]', async () => {
    const clock = new ManualClock()
    const close = vi.fn(() => Promise.resolve())
    const session = { close } as unknown as Session
    let answer: ((session: Session) => void) | undefined
    const asked = environmentSession(
      environment,
      { clock, timeoutMs: 5_000 },
      () => new Promise((resolve) => (answer = resolve)),
    )
    let reason: unknown
    asked.catch((error: unknown) => (reason = error))
    await clock.advance(4_999)
    expect(reason).toBeUndefined()
    await clock.advance(1)
    expect(reason).toMatchObject({
      kind: 'unreachable',
      message: 'https://cloud.example.com cannot be reached: no answer for 5 s',
    })
    answer?.(session)
    await settle()
    expect(close).toHaveBeenCalledOnce()
  })

  it('says what the server has refused, and what is missing or no address', async () => {
    const options = { clock: new ManualClock(), timeoutMs: 5_000 }
    await expect(environmentSession(environment, options, refuse)).rejects.toMatchObject({
      kind: 'signIn',
      message: 'wrong password',
    })
    await expect(
      environmentSession({ ...environment, CLOUDREVE_PASSWORD: '' }, options, refuse),
    ).rejects.toThrow('must all be set')
    await expect(
      environmentSession({ ...environment, CLOUDREVE_URL: 'ftp://x' }, options, refuse),
    ).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('CLOUDREVE_URL will not do') as unknown,
    })
  })
})
