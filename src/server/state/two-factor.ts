import { createHmac, randomUUID } from 'node:crypto'
import type { ServerTime } from '../times.ts'
import type { User } from './users.ts'

const lifetimeMs = 600_000
const stepSeconds = 30
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Sign-ins that wait for a second factor. A wrong code leaves the session usable, the right one ends it. */
export class TwoFactorSessions {
  readonly #time: ServerTime
  readonly #sessions = new Map<string, { user: User; expiresAtMs: number }>()

  constructor(time: ServerTime) {
    this.#time = time
  }

  open(user: User): string {
    const id = randomUUID()
    this.#sessions.set(id, { user, expiresAtMs: this.#time.nowMs() + lifetimeMs })
    return id
  }

  find(id: string): User | undefined {
    const session = this.#sessions.get(id)
    return session && this.#time.nowMs() < session.expiresAtMs ? session.user : undefined
  }

  close(id: string): void {
    this.#sessions.delete(id)
  }

  /** The neighbouring time steps count too, and a code may be used again. */
  codeMatches(secret: string, code: string): boolean {
    const now = this.#time.nowSeconds()
    return [-stepSeconds, 0, stepSeconds].some((offset) => oneTimeCode(secret, now + offset) === code)
  }
}

/** TOTP with SHA-1 and six digits for a base32 secret at a time in Unix seconds. */
export function oneTimeCode(secret: string, unixSeconds: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(unixSeconds / stepSeconds)))
  const mac = createHmac('sha1', decodeBase32(secret)).update(counter).digest()
  const offset = mac.at(-1)! & 0xf
  const number = (mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000
  return String(number).padStart(6, '0')
}

function decodeBase32(text: string): Buffer {
  let bits = ''
  for (const letter of text.toUpperCase().replace(/=+$/, ''))
    bits += base32.indexOf(letter).toString(2).padStart(5, '0')
  const bytes = bits.match(/.{8}/g) ?? []
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)))
}
