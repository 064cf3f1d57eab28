/** `/session`: signing in, staying signed in, signing out (api/02 §3). None of these calls carries a token header. */
import { z } from 'zod'
import type { ApiClient } from '../client.ts'
import { Code } from '../codes.ts'
import { isRefusal } from '../errors.ts'
import * as schema from '../schema.ts'
import type { Waiting } from './files.ts'

export interface PasswordSignIn extends Waiting {
  readonly email: string
  readonly password: string
  /** Answer to the picture puzzle, where the site asks for one. */
  readonly captcha?: { readonly answer: string; readonly ticket: string } | undefined
}

/** Either the tokens or the id of a second step. */
export type SignInAnswer =
  | { readonly kind: 'signed-in'; readonly account: schema.WireSignedIn }
  | { readonly kind: 'two-factor'; readonly sessionId: string }

const signInData = z.union([
  schema.signedIn.transform((account): SignInAnswer => ({ kind: 'signed-in', account })),
  z.string().transform((sessionId): SignInAnswer => ({ kind: 'two-factor', sessionId })),
])

export function signInWithPassword(
  client: ApiClient,
  { email, password, captcha, signal }: PasswordSignIn,
): Promise<SignInAnswer> {
  return client.call({
    method: 'POST',
    path: '/session/token',
    json: { email, password, ...(captcha ? { captcha: captcha.answer, ticket: captcha.ticket } : {}) },
    schema: signInData,
    accept: [Code.twoFactorNeeded],
    secrets: [password],
    repeat: 'once',
    subject: `signing in as ${email}`,
    signedIn: false,
    signal,
  })
}

/** `otp` stays a string: a number is refused. The session survives wrong codes (40022) for ten minutes. */
export function signInWithCode(
  client: ApiClient,
  { sessionId, otp, signal }: Waiting & { readonly sessionId: string; readonly otp: string },
): Promise<schema.WireSignedIn> {
  return client.call({
    method: 'POST',
    path: '/session/token/2fa',
    json: { otp, session_id: sessionId },
    schema: schema.signedIn,
    repeat: 'once',
    subject: 'the second step of signing in',
    secrets: [otp, sessionId],
    signedIn: false,
    signal,
  })
}

/** Any number of uses; the old token stays good until its own end. 40020 may be a passing failure (api/01 §9.2). */
export function refreshToken(
  client: ApiClient,
  token: string,
  { signal }: Waiting = {},
): Promise<schema.WireToken> {
  return client.call({
    method: 'POST',
    path: '/session/token/refresh',
    json: { refresh_token: token },
    schema: schema.token,
    repeat: 'read',
    subject: 'renewing the sign-in',
    secrets: [token],
    signedIn: false,
    signal,
  })
}

/** Ends all sign-ins that descend from this one. A token that is not known any more counts as done. */
export async function signOut(client: ApiClient, token: string, { signal }: Waiting = {}): Promise<void> {
  try {
    await client.call({
      method: 'DELETE',
      path: '/session/token',
      json: { refresh_token: token },
      schema: schema.ignored,
      repeat: 'safe',
      subject: 'signing out',
      secrets: [token],
      signedIn: false,
      signal,
    })
  } catch (error) {
    if (!isRefusal(error, Code.credentialInvalid)) throw error
  }
}
