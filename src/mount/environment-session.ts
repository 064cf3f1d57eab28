/** The sign-in of whoever keeps the account in the environment. */
import { messageOf } from '../base/error-message.ts'
import { waitAtMost } from '../base/clock.ts'
import { originOf } from '../auth/origin.ts'
import { passwordSession, type Session, type SessionOptions } from '../auth/session.ts'
import { explainFailure } from './explain-failure.ts'
import { closeWhenItComes, silentServer } from './silent-server.ts'
import { MountError } from './spec.ts'

export const environmentRemedy = 'see whether CLOUDREVE_PASSWORD is still right'

export interface EnvironmentSessionOptions extends SessionOptions {
  /** How long a server that does not answer is waited for, ms. */
  readonly timeoutMs: number
}

/**
 * The password stays in the environment and in memory: it signs in again when the session ends.
 *
 * @throws {MountError} when something is missing, nobody answers, or the server refuses
 */
export async function environmentSession(
  { CLOUDREVE_URL: url, CLOUDREVE_EMAIL: email, CLOUDREVE_PASSWORD: password }: NodeJS.ProcessEnv,
  { timeoutMs: deadlineMs, ...options }: EnvironmentSessionOptions,
  signIn: typeof passwordSession = passwordSession,
): Promise<Session> {
  if (!url || !email || !password) {
    throw new MountError('CLOUDREVE_URL, CLOUDREVE_EMAIL and CLOUDREVE_PASSWORD must all be set')
  }
  const origin = environmentOrigin(url)
  const asked = signIn(origin, { email, password }, options)
  const late = () => silentServer(origin, deadlineMs)
  try {
    return await waitAtMost(asked, { clock: options.clock, deadlineMs, late })
  } catch (error) {
    closeWhenItComes(asked)
    throw explainFailure(error, origin, environmentRemedy)
  }
}

function environmentOrigin(url: string): string {
  try {
    return originOf(url)
  } catch (error) {
    throw new MountError(`CLOUDREVE_URL will not do: ${messageOf(error)}`, { cause: error, kind: 'usage' })
  }
}
