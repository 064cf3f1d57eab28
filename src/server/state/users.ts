import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { WireGroup, WirePin, WireUser } from '../../api/types.ts'
import { boolset } from '../bitset.ts'
import type { Ids } from '../ids.ts'
import type { Settings, UserOptions } from '../options.ts'
import { formatUs, zeroTime, type ServerTime, type TimeUs } from '../times.ts'

export interface Group {
  readonly number: number
  readonly name: string
  readonly permission: readonly number[]
  readonly directLinkBatchSize: number
  /** Its members' deleted files stay that long. */
  readonly keepsTrash: boolean
}

export const groups = {
  admin: {
    number: 1,
    name: 'Admin',
    permission: [0, 2, 3, 4, 5, 6, 7, 9, 11, 12, 16],
    directLinkBatchSize: 1000,
    keepsTrash: true,
  },
  user: { number: 2, name: 'User', permission: [2, 7, 11], directLinkBatchSize: 10, keepsTrash: true },
  anonymous: { number: 3, name: 'Anonymous', permission: [1, 7], directLinkBatchSize: 0, keepsTrash: false },
} satisfies Record<string, Group>

export interface User {
  readonly number: number
  readonly id: string
  readonly email: string
  nickname: string
  status: 'active' | 'inactive' | 'manual_banned'
  readonly group: Group
  readonly createdUs: TimeUs
  language: string
  twoFactorSecret: string | undefined
  retention: { enabled: boolean; extensions: string[]; max: number }
  disableViewSync: boolean
  shareLinksInProfile: string
  pins: WirePin[]
  /** Bytes. */
  totalBytes: number
  usedBytes: number
  password: { salt: Buffer; digest: Buffer }
  /** Refresh tokens of an earlier one are dead. */
  passwordGeneration: number
  /** Access tokens of an earlier one count as expired. */
  accessGeneration: number
}

export class Users {
  readonly #ids: Ids
  readonly #settings: Settings
  readonly #time: ServerTime
  readonly #byNumber = new Map<number, User>()
  #last = 0

  constructor(ids: Ids, settings: Settings, time: ServerTime) {
    this.#ids = ids
    this.#settings = settings
    this.#time = time
  }

  add(options: UserOptions): User {
    const number = (this.#last += 1)
    const user: User = {
      number,
      id: this.#ids.encode('user', number),
      email: options.email,
      nickname: options.nickname ?? options.email.split('@')[0]!,
      status: 'active',
      group: options.admin ? groups.admin : groups.user,
      createdUs: this.#time.stampUs(),
      language: 'en-US',
      twoFactorSecret: options.twoFactorSecret,
      retention: { enabled: options.retention ?? true, extensions: [], max: options.retentionMax ?? 10 },
      disableViewSync: false,
      shareLinksInProfile: '',
      pins: [],
      totalBytes: options.totalBytes ?? this.#settings.totalBytes,
      usedBytes: 0,
      password: hashed(options.password),
      passwordGeneration: 0,
      accessGeneration: 0,
    }
    this.#byNumber.set(number, user)
    return user
  }

  get(number: number): User | undefined {
    return this.#byNumber.get(number)
  }

  byId(id: string): User | undefined {
    const number = this.#ids.decode('user', id)
    return number === undefined ? undefined : this.#byNumber.get(number)
  }

  byEmail(email: string): User | undefined {
    const wanted = email.toLowerCase()
    return [...this.#byNumber.values()].find((user) => user.email.toLowerCase() === wanted)
  }

  all(): User[] {
    return [...this.#byNumber.values()]
  }

  setPassword(user: User, password: string): void {
    user.password = hashed(password)
    user.passwordGeneration += 1
  }

  /** The user as he sees himself. */
  wire(user: User): WireUser {
    return {
      id: user.id,
      email: user.email,
      nickname: user.nickname,
      status: user.status,
      created_at: formatUs(user.createdUs),
      group: this.#wireGroup(user.group),
      ...(user.pins.length > 0 ? { pined: user.pins } : {}),
      language: user.language,
      ...(user.disableViewSync ? { disable_view_sync: true } : {}),
    }
  }

  /** The user as others see him; the address only when asked for, the group only where the server adds it. */
  wireRedacted(user: User, { withEmail = false, withGroup = false } = {}): WireUser {
    return {
      id: user.id,
      ...(withEmail ? { email: user.email } : {}),
      nickname: user.nickname,
      created_at: formatUs(user.createdUs),
      ...(withGroup
        ? { group: { id: this.#ids.encode('group', user.group.number), name: user.group.name } }
        : {}),
    }
  }

  wireAnonymous(): WireUser {
    const { number, name, permission } = groups.anonymous
    const group = { id: this.#ids.encode('group', number), name, permission: boolset(permission) }
    return { id: this.#ids.encode('user', 0), nickname: '', created_at: zeroTime, anonymous: true, group }
  }

  #wireGroup(group: Group): WireGroup {
    const retentionSeconds = Math.floor(this.#settings.trashRetentionMs / 1000)
    return {
      id: this.#ids.encode('group', group.number),
      name: group.name,
      permission: boolset(group.permission),
      direct_link_batch_size: group.directLinkBatchSize,
      ...(group.keepsTrash && retentionSeconds > 0 ? { trash_retention: retentionSeconds } : {}),
    }
  }
}

export function passwordMatches({ password }: User, candidate: string): boolean {
  return timingSafeEqual(password.digest, digest(password.salt, candidate))
}

function hashed(password: string): User['password'] {
  const salt = randomBytes(16)
  return { salt, digest: digest(salt, password) }
}

function digest(salt: Buffer, password: string): Buffer {
  return createHash('sha256').update(salt).update(password).digest()
}
