/** Keeps secrets out of logs and messages: the last line of defence behind code that does not log them at all. */

const HIDDEN = '[hidden]'

/** Members whose whole value is a secret, by name without case, `-` and `_`. */
const secretNames = new Set([
  'authorization',
  'accesstoken',
  'refreshtoken',
  'token',
  'tokens',
  'password',
  'sharepassword',
  'passphrase',
  'otp',
  'captcha',
  'cookie',
  'setcookie',
  'sign',
  'signature',
  'credential',
  'uploadurls',
  'completeurl',
  'callbacksecret',
  'uploadpolicy',
  'keyplaintext',
  'secret',
])

const patterns: readonly (readonly [RegExp, string])[] = [
  // `Authorization: Bearer …`
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, `$1 ${HIDDEN}`],
  // JSON web tokens, wherever they stand
  [/\beyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?/g, HIDDEN],
  // query parameters that sign a URL or carry a secret
  [
    /([?&](?:sign|signature|token|access_token|refresh_token|password|x-amz-(?:signature|credential|security-token)|ossaccesskeyid|q-signature|sig|key)=)[^&\s"'<>#]*/gi,
    `$1${HIDDEN}`,
  ],
  // user information of URLs: `https://user:password@host`, `cloudreve://id:password@share`
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@"']*):[^\s/@"']+@/gi, `$1:${HIDDEN}@`],
  // the same as a part of a query, and the link of a share: `https://host/s/id/password`
  [/(\bcloudreve%3A%2F%2F[\w.-]+?)%3A(?:(?!%40)[^\s&"'])+%40/gi, `$1%3A${HIDDEN}%40`],
  [/(\bhttps?:\/\/[^\s/"']+\/s\/[\w-]+\/)[^\s/"'?#]+/gi, `$1${HIDDEN}`],
  // members of JSON in text
  [
    /("(?:password|otp|access_token|refresh_token|token|credential)"\s*:\s*)"(?:[^"\\]|\\.)*"/gi,
    `$1"${HIDDEN}"`,
  ],
]

/** `text` without what looks like a token, a signature or a password. */
export function redactText(text: string): string {
  return patterns.reduce((result, [pattern, replacement]) => result.replaceAll(pattern, replacement), text)
}

/** A copy of `value` for the log: secret members hidden, texts redacted, errors as plain members, depth bounded. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > 6) return '[deep]'
  if (value instanceof Error) return redactError(value, depth)
  if (Array.isArray(value)) return value.map((member) => redact(member, depth + 1))
  if (value instanceof Date) return value
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      isSecretName(name) && member !== undefined ? HIDDEN : redact(member, depth + 1),
    ]),
  )
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error
  const code = (error as NodeJS.ErrnoException).code
  return {
    name,
    message: redactText(message),
    ...(code === undefined ? {} : { code }),
    ...(stack === undefined ? {} : { stack: redactText(stack) }),
    ...(cause === undefined ? {} : { cause: redact(cause, depth + 1) }),
  }
}

function isSecretName(name: string): boolean {
  return secretNames.has(name.toLowerCase().replaceAll(/[-_]/g, ''))
}
