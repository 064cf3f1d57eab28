/** Signing in with a password, as steps: whoever asks a person is passed in. */
import type { ApiClient } from '../api/client.ts'
import { Code } from '../api/codes.ts'
import { basicConfig, captcha, loginConfig } from '../api/endpoints/site.ts'
import { signInWithCode, signInWithPassword, type SignInAnswer } from '../api/endpoints/session.ts'
import { isRefusal } from '../api/errors.ts'
import type { WireSignedIn } from '../api/schema.ts'
import { pairOf, type TokenPair } from './token-source.ts'

/** Who signed in. No secrets. */
export interface Account {
  /** Origin of the server. */
  readonly url: string
  readonly userId: string
  readonly email: string
  readonly nickname: string
}

export interface SignedInAccount {
  readonly account: Account
  readonly tokens: TokenPair
}

/** The picture of the built-in captcha: to be saved or shown by the callback. */
export interface CaptchaPicture {
  readonly bytes: Uint8Array
  /** `png` */
  readonly extension: string
}

/** How a person is asked. A missing one makes the step an error that says what is needed. */
export interface SignInPrompts {
  /** Six digits of an authenticator app. `attempt` counts from 1. */
  readonly twoFactorCode?: (attempt: number) => Promise<string>
  readonly captcha?: (picture: CaptchaPicture, attempt: number) => Promise<string>
}

export interface SignInRequest {
  readonly email: string
  readonly password: string
  readonly prompts?: SignInPrompts
}

/** A sign-in that cannot succeed as asked for. The message is a sentence for a person and holds no secret. */
export class SignInError extends Error {
  override readonly name = 'SignInError'
}

const ATTEMPTS = 3

/**
 * @param client an anonymous client of the server
 * @throws {SignInError} wrong password or code, banned, captcha that a terminal cannot solve
 * @throws {ApiError} when the server cannot be reached or fails
 */
export async function signIn(client: ApiClient, request: SignInRequest): Promise<SignedInAccount> {
  const answer = await passwordStep(client, request)
  const found =
    answer.kind === 'signed-in' ? answer.account : await codeStep(client, answer.sessionId, request)
  return {
    account: {
      url: client.origin,
      userId: found.user.id,
      email: found.user.email || request.email,
      nickname: found.user.nickname,
    },
    tokens: pairOf(found.token),
  }
}

async function passwordStep(client: ApiClient, request: SignInRequest): Promise<SignInAnswer> {
  const { email, password } = request
  const { login_captcha: asksCaptcha } = await loginConfig(client)
  for (let attempt = 1; ; attempt += 1) {
    const solved = asksCaptcha ? await solveCaptcha(client, request, attempt) : undefined
    try {
      return await signInWithPassword(client, { email, password, captcha: solved })
    } catch (error) {
      if (isRefusal(error, Code.wrongCaptcha) && attempt < ATTEMPTS) continue
      throw explain(error, email, client.origin)
    }
  }
}

async function solveCaptcha(client: ApiClient, { prompts }: SignInRequest, attempt: number) {
  const { captcha_type: type } = await basicConfig(client)
  if (type !== 'normal' && type !== 'tcaptcha') {
    throw new SignInError(
      `${client.origin} asks for a captcha of the kind "${type}", which only a browser can show: ask the operator to switch it to the built-in picture, or off for signing in`,
    )
  }
  if (!prompts?.captcha) {
    throw new SignInError(
      `${client.origin} asks for a captcha: sign in from a terminal where the picture can be shown`,
    )
  }
  const { image, ticket } = await captcha(client)
  return { answer: await prompts.captcha(pictureOf(image), attempt), ticket }
}

function pictureOf(dataUrl: string): CaptchaPicture {
  const match = /^data:image\/([a-z]+)[^,]*;base64,(.*)$/s.exec(dataUrl)
  if (!match?.[1] || match[2] === undefined) throw new SignInError('the captcha of the site is not a picture')
  return { bytes: Buffer.from(match[2], 'base64'), extension: match[1] }
}

async function codeStep(client: ApiClient, sessionId: string, request: SignInRequest): Promise<WireSignedIn> {
  const ask = request.prompts?.twoFactorCode
  if (!ask)
    throw new SignInError(
      `${request.email} has two-factor sign-in: the code of the authenticator app is needed`,
    )
  for (let attempt = 1; ; attempt += 1) {
    const otp = (await ask(attempt)).replace(/\s/g, '')
    try {
      return await signInWithCode(client, { sessionId, otp })
    } catch (error) {
      if (isRefusal(error, Code.wrongTwoFactorCode) && attempt < ATTEMPTS) continue
      throw explain(error, request.email, client.origin)
    }
  }
}

function explain(error: unknown, email: string, origin: string): unknown {
  const sentence = sentences.find(({ code }) => isRefusal(error, code))?.say(email, origin)
  return sentence === undefined ? error : new SignInError(sentence, { cause: error })
}

const sentences: readonly { code: number; say: (email: string, origin: string) => string }[] = [
  { code: Code.wrongPassword, say: (email, origin) => `${origin} does not know ${email} with this password` },
  { code: Code.userBanned, say: (email, origin) => `${email} is banned at ${origin}` },
  {
    code: Code.userNotActivated,
    say: (email) => `${email} is not activated yet: follow the link in the mail`,
  },
  { code: Code.wrongCaptcha, say: () => 'the answer to the captcha was wrong' },
  { code: Code.wrongTwoFactorCode, say: () => 'the code of the authenticator app was wrong' },
  { code: Code.notFound, say: () => 'the sign-in took too long: start over' },
  {
    code: Code.badParameter,
    say: (email, origin) => `${origin} does not accept ${email} or its password as valid`,
  },
]
