import type { Log } from '../../base/log.ts'
import type { Mutex } from '../../base/mutex.ts'
import type { Generation } from './generation.ts'
import type { SideCarFile } from './side-car-file.ts'
import type { Attempt } from './types.ts'

/** A content up to this size is hashed before its first change goes on, bytes: it takes milliseconds. */
const hashAtOnceBytes = 16 * 1024 ** 2

/**
 * What was sent of a staged content, as far as it has become another one since: the server may have it without anybody having heard,
 * and then it must not be taken for somebody else's.
 *
 * While nothing changes the staged bytes are the proof themselves. The first change puts their size and SHA-256 on record before it
 * is done, so that an upload of a file that nobody touches costs nothing. Of a large content the digest is made while it is being
 * sent, and its last byte waits for it (`Generation.holdBack`). Of what the server was to copy the ids are enough.
 *
 * What remains uncertain: a large content that was changed after its last byte had left, when the process dies before the answer
 * comes and before the digest is made; and one whose upload the process that died had not heard of, when the next one's programs
 * change it before that looks. Then both versions are kept, as in a conflict.
 */
export class AttemptLog {
  readonly #side: SideCarFile
  readonly #mutex: Mutex
  readonly #log: Log
  /** The content as it is now may be at the server. */
  #mayBeSent = false
  /** It might have been before the present attempt, too. */
  #mayBeSentBefore = false
  #hashing: Promise<void> | undefined

  constructor(side: SideCarFile, mutex: Mutex, log: Log) {
    this.#side = side
    this.#mutex = mutex
    this.#log = log
  }

  /** Contents that the server may have, the present one aside. */
  get known(): readonly Attempt[] {
    return this.#side.attempts
  }

  /** The same, and `present` too if the server may have it; of one that is large only what is on record. @requires the mutex */
  async all(present: Generation): Promise<readonly Attempt[]> {
    const attempt = this.#mayBeSent ? await attemptOf(present) : undefined
    return attempt ? [...this.known, attempt] : this.known
  }

  /** Contents that were sent to the file whose next version this one is, or is going to be. */
  async inherit(attempts: readonly Attempt[]): Promise<void> {
    for (const attempt of attempts) if (!this.known.includes(attempt)) await this.#side.noteAttempt(attempt)
  }

  /** The server may have something that was sent and that nobody has heard of. */
  get isUncertain(): boolean {
    return this.#mayBeSent || this.known.length > 0
  }

  /** An earlier process may have sent the content as it is. */
  found(): void {
    this.#mayBeSent = true
  }

  /** The content as it is now is going to be sent. */
  sending(): void {
    this.#mayBeSentBefore = this.#mayBeSent
    this.#mayBeSent = true
  }

  /** It was not, for certain. */
  notSent(): void {
    this.#mayBeSent &&= this.#mayBeSentBefore
  }

  /**
   * The content is going to become another one than `sent`, which is `isFrozen` if it can be read later too.
   * @requires the mutex
   */
  async changing(sent: Generation, isFrozen: boolean): Promise<void> {
    if (!this.#mayBeSent) return
    const attempt = await attemptOf(sent)
    if (attempt) await this.#side.noteAttempt(attempt)
    else if (isFrozen) {
      this.#hashing = this.#hash(sent)
      sent.holdBack(this.#hashing)
    }
    this.#mayBeSent = false
  }

  /** All of what was sent is on record, as far as it can be. */
  async settled(): Promise<void> {
    await this.#hashing
  }

  /** The server has what was sent last: what was sent before will not come any more. */
  confirmed(): void {
    this.#mayBeSent = false
    this.#side.attempts = []
  }

  /** An upload must not fail because of a full disk: it is what makes room. */
  async #hash(sent: Generation): Promise<void> {
    try {
      const digest = await sent.digest()
      const { sizeBytes } = sent
      if (digest !== undefined) await this.#mutex.run(() => this.#side.noteAttempt({ sizeBytes, digest }))
    } catch (error) {
      this.#log.warn('what was sent of a file could not be put on record', { error })
    }
  }
}

/** undefined: it was not sent, or is too large to be hashed at once. @requires the mutex */
async function attemptOf(generation: Generation): Promise<Attempt | undefined> {
  const { sizeBytes, copyOf, isComplete } = generation
  if (copyOf) return { sizeBytes, ...copyOf }
  if (!isComplete || sizeBytes > hashAtOnceBytes) return undefined
  return { sizeBytes, digest: await generation.digestHere() }
}
