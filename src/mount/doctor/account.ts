/** One account and its server, from the first byte to the content of a file. Changes nothing. */
import { ApiClient } from '../../api/client.ts'
import { currentUser, ping, userCapacity, userSettings } from '../../api/endpoints/site.ts'
import { isApiError } from '../../api/errors.ts'
import { AccountStoreError } from '../../auth/account-store.ts'
import type { Session } from '../../auth/session.ts'
import { SignInError } from '../../auth/sign-in.ts'
import { waitUnlessAborted, type Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error-message.ts'
import type { ExaminedAccount } from './accounts.ts'
import { clockFinding, retentionFinding, signInFinding, spaceFinding } from './account-words.ts'
import { contentFinding, type ContentProbe } from './content.ts'
import { fail, looked, ok, type Finding } from './finding.ts'

export interface AccountParts {
  readonly clock: Clock
  readonly probeContent: ContentProbe
  /** One account is given so long altogether. Default 60 s. */
  readonly patienceMs?: number
}

const PATIENCE_MS = 60_000
/** A server that takes longer for one answer is as good as away; the first question, which costs it nothing, is not asked again then. */
const ANSWER_TIMEOUT_MS = 20_000

export async function* examineAccount(
  account: ExaminedAccount,
  parts: AccountParts,
): AsyncGenerator<Finding> {
  const { signal, forget } = patience(parts.clock, parts.patienceMs ?? PATIENCE_MS)
  try {
    for await (const finding of findings(account, parts, signal)) yield { ...finding, account: account.name }
  } finally {
    forget()
  }
}

/** Aborted after `ms`, unless that is forgotten before. */
function patience(clock: Clock, ms: number): { readonly signal: AbortSignal; readonly forget: () => void } {
  const control = new AbortController()
  const late = () => control.abort(new Error(`the server did not answer within ${Math.round(ms / 1000)} s`))
  return { signal: control.signal, forget: clock.after(ms, late) }
}

async function* findings(
  account: ExaminedAccount,
  parts: AccountParts,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const server = await examineServer(account, parts)
  yield server
  if (server.level === 'fail') return
  let session: Session
  try {
    session = await waitUnlessAborted(account.openSession(parts), signal)
  } catch (error) {
    yield notSignedIn(account, error)
    return
  }
  const client = clientOf(account, parts, session)
  try {
    yield* examineSession(account, { ...parts, client, session, signal })
  } finally {
    await client.close(0) // questions: nothing hangs on their answers
    await session.close()
  }
}

async function examineServer({ origin }: ExaminedAccount, { clock }: AccountParts): Promise<Finding> {
  const client = new ApiClient({ origin, clock, answerTimeoutMs: ANSWER_TIMEOUT_MS })
  const { signal, forget } = patience(clock, ANSWER_TIMEOUT_MS)
  try {
    const version = await ping(client, { signal })
    const [, major] = /^v?(\d+)\./.exec(version) ?? []
    if (major === undefined || Number(major) >= 4)
      return ok('server', `${origin} answers: Cloudreve ${version}`)
    return fail('server', `${origin} is Cloudreve ${version}, and mounts need version 4`, {
      remedy: 'ask its operator to update it',
    })
  } catch (error) {
    return unreachable(origin, error)
  } finally {
    forget()
    await client.close(0) // questions: nothing hangs on their answers
  }
}

function unreachable(origin: string, error: unknown): Finding {
  const message = messageOf(error)
  if (isApiError(error, 'malformed', 'no-route', 'refused', 'gateway')) {
    return fail('server', `${origin} answers, but not as a Cloudreve 4 server does (${message})`, {
      remedy: 'compare the address with the one in a browser; a proxy or sign-in page may stand in between',
      cause: 'unreachable',
    })
  }
  // The connection's own words, where there are some.
  const reason = isApiError(error) && error.cause instanceof Error ? error.cause.message : message
  return fail('server', `${origin} cannot be reached: ${reason}`, {
    remedy: 'see whether a browser on this machine opens it, and look at the network, a VPN or the address',
    cause: 'unreachable',
  })
}

function clientOf({ origin }: ExaminedAccount, { clock }: AccountParts, session: Session): ApiClient {
  const { tokenSource: tokens, serverClock } = session
  return new ApiClient({ origin, clock, tokens, serverClock, answerTimeoutMs: ANSWER_TIMEOUT_MS })
}

interface SessionParts extends AccountParts {
  readonly client: ApiClient
  readonly session: Session
  readonly signal: AbortSignal
}

async function* examineSession(account: ExaminedAccount, parts: SessionParts): AsyncGenerator<Finding> {
  const { client, session, signal, clock, probeContent } = parts
  try {
    const user = await currentUser(client, { signal })
    if (user.id !== session.account.userId)
      throw new SignInError(`the server knows this sign-in as somebody else (${user.nickname})`)
  } catch (error) {
    yield notSignedIn(account, error)
    return
  }
  yield looked('sign-in', async () =>
    signInFinding(await account.signedInUntilMs(), session.serverClock.now(), account.signInRemedy),
  )
  yield clockFinding(session.serverClock.skewMs)
  yield looked('versions', async () => retentionFinding(await userSettings(client, { signal })))
  yield looked('space', async () => spaceFinding(await userCapacity(client, { signal })))
  yield looked('contents', () => contentFinding(client, { clock, signal, probeContent }))
}

/** Lost tokens and refusals need a new sign-in; a server that went away meanwhile does not. */
function notSignedIn({ origin, signInRemedy }: ExaminedAccount, error: unknown): Finding {
  const isRefused =
    error instanceof AccountStoreError ||
    error instanceof SignInError ||
    isApiError(error, 'signed-out', 'refused')
  if (!isRefused) return unreachable(origin, error)
  return fail('sign-in', error.message, { remedy: signInRemedy, cause: 'sign-in' })
}
