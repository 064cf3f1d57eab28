import type { ServerTime } from '../times.ts'
import type { Entity } from './entities.ts'
import type { PolicyType } from '../options.ts'
import type { FileNode } from './tree.ts'

/** A write that has begun: the file carries a mark and a placeholder, its size is reserved, its path locked. */
export interface Write {
  readonly sessionId: string
  readonly node: FileNode
  readonly entity: Entity
  /** This write made the file. */
  readonly isNew: boolean
  readonly lockToken: string
}

/** An upload session: a placeholder entity that becomes current when all chunks are in (api/04 §3). */
export interface UploadSession {
  readonly id: string
  readonly userNumber: number
  readonly write: Write
  /** Where the file was when the session began: a file that is elsewhere now fails the chunks. */
  readonly elements: readonly string[]
  readonly sizeBytes: number
  /** Bytes a chunk; 0 = one chunk with everything. */
  readonly chunkSizeBytes: number
  expiresAtMs: number
  readonly lastModifiedMs: number | undefined
  readonly metadata: ReadonlyMap<string, string>
  /** Where the bytes go: `local` also for what is relayed. */
  readonly storage: PolicyType
  /** Proof of whoever says that the storage has everything. */
  readonly callbackSecret: string
  /** Chunks that are in, by index, with what the storage calls them. */
  readonly received: Map<number, string>
  /** Bytes that the storage holds as a finished object, once it is one. */
  storedBytes: number | undefined
  /** Completion failed once: from now on every chunk answers 0 and nothing happens. */
  isStuck: boolean
}

export class Uploads {
  readonly #time: ServerTime
  readonly #sessions = new Map<string, UploadSession>()

  constructor(time: ServerTime) {
    this.#time = time
  }

  add(session: UploadSession): void {
    this.#sessions.set(session.id, session)
  }

  /** A session that is neither finished, cancelled, lost nor expired. */
  find(id: string): UploadSession | undefined {
    const session = this.#sessions.get(id)
    return session && this.#time.nowMs() < session.expiresAtMs ? session : undefined
  }

  /** Expired ones too, which can still be cancelled. */
  findAny(id: string): UploadSession | undefined {
    return this.#sessions.get(id)
  }

  remove(id: string): void {
    this.#sessions.delete(id)
  }

  expireAll(): void {
    for (const session of this.#sessions.values()) session.expiresAtMs = this.#time.nowMs()
  }

  /** What a crash of the server loses. */
  clear(): void {
    this.#sessions.clear()
  }
}

/** Number of chunks; an empty file has one, which is empty. */
export function chunkCount({
  sizeBytes,
  chunkSizeBytes,
}: Pick<UploadSession, 'sizeBytes' | 'chunkSizeBytes'>): number {
  return sizeBytes === 0 || chunkSizeBytes === 0 ? 1 : Math.ceil(sizeBytes / chunkSizeBytes)
}

/** Exact length of chunk `index`, bytes. */
export function chunkLength(
  session: Pick<UploadSession, 'sizeBytes' | 'chunkSizeBytes'>,
  index: number,
): number {
  const { sizeBytes, chunkSizeBytes } = session
  return chunkSizeBytes === 0 ? sizeBytes : Math.min(chunkSizeBytes, sizeBytes - index * chunkSizeBytes)
}
