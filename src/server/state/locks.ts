import { randomUUID } from 'node:crypto'
import type { WireFileType, WireLockConflict } from '../../api/types.ts'
import { locked } from '../failure.ts'
import type { ServerTime } from '../times.ts'
import { formatUri } from '../uri.ts'

export type LockHolder =
  | 'create'
  | 'rename'
  | 'moveCopy'
  | 'upload'
  | 'updateMetadata'
  | 'delete'
  | 'softDelete'
  | 'dav'
  | 'versionControl'
  | 'viewer'

/** A place in a user's drive; the trash has places of its own. */
export interface LockPlace {
  ownerNumber: number
  fs: 'my' | 'trash'
  elements: readonly string[]
  type: WireFileType
}

interface Lock {
  token: string
  key: string
  place: LockPlace
  holder: LockHolder
  isDeep: boolean
  /** ms since the epoch; undefined = until it is released. */
  expiresAtMs: number | undefined
}

export interface LockRequest {
  places: readonly LockPlace[]
  holder: LockHolder
  /** Zero-depth locks leave what is below them alone. */
  isDeep?: boolean
  expiresAtMs?: number
}

/** Locks by place, in memory only: a restart drops them all. Nothing ever waits for one (api/03 §18). */
export class Locks {
  readonly #time: ServerTime
  readonly #byToken = new Map<string, Lock>()

  constructor(time: ServerTime) {
    this.#time = time
  }

  /**
   * Takes all locks or none; a place that is named twice, or beside its ancestor, stands in its own way as on the real server.
   * @throws {ApiFailure} 40073 with the holders
   */
  acquire({ places, holder, isDeep = true, expiresAtMs }: LockRequest): string[] {
    const tokens: string[] = []
    for (const place of places) {
      const key = keyOf(place)
      const conflicts = this.#conflicts(key, isDeep)
      if (conflicts.length > 0) {
        this.release(tokens)
        throw locked(conflicts.map(wire))
      }
      const token = randomUUID()
      this.#byToken.set(token, { token, key, place, holder, isDeep, expiresAtMs })
      tokens.push(token)
    }
    return tokens
  }

  /** Holds the locks while `work` runs. */
  during<T>(request: LockRequest, work: () => T): T {
    const tokens = this.acquire(request)
    try {
      return work()
    } finally {
      this.release(tokens)
    }
  }

  isHeld(token: string): boolean {
    const lock = this.#byToken.get(token)
    return lock !== undefined && !this.#isExpired(lock)
  }

  release(tokens: readonly string[]): void {
    for (const token of tokens) this.#byToken.delete(token)
  }

  /** Locks that live as long as an upload session. */
  releaseUploads(): void {
    for (const lock of this.#byToken.values())
      if (lock.holder === 'upload' && lock.expiresAtMs !== undefined) this.#byToken.delete(lock.token)
  }

  clear(): void {
    this.#byToken.clear()
  }

  get size(): number {
    return [...this.#byToken.values()].filter((lock) => !this.#isExpired(lock)).length
  }

  #conflicts(key: string, isDeep: boolean): Lock[] {
    if (this.#byToken.size === 0) return []
    return [...this.#byToken.values()].filter((lock) => {
      if (this.#isExpired(lock)) return false
      if (lock.key === key) return true
      if (lock.isDeep && key.startsWith(`${lock.key}/`)) return true
      return isDeep && lock.key.startsWith(`${key}/`)
    })
  }

  #isExpired({ expiresAtMs }: Lock): boolean {
    return expiresAtMs !== undefined && this.#time.nowMs() >= expiresAtMs
  }
}

function keyOf({ ownerNumber, fs, elements }: LockPlace): string {
  return [`${ownerNumber}:${fs}`, ...elements].join('/')
}

function wire({ token, place, holder }: Lock): WireLockConflict {
  return {
    path: formatUri(`cloudreve://${place.fs}`, place.elements),
    token,
    owner: { application: { type: holder } },
    type: place.type,
  }
}
