import type { Log } from '../../base/log.ts'
import { FsError, toFsError } from '../../core/errors.ts'
import type { OpContext } from '../../core/types.ts'
import type { Done } from './addon.ts'

/** Which call, about what: for the log. */
export interface Subject {
  readonly op: string
  readonly path: string
}

/** Runs the work of one call and answers it exactly once, with a value or with a negative errno. */
export class Answerer {
  readonly #log: Log
  /** Who asks is not passed on by the addon; without `allow_other` it can only be the user who mounted. */
  readonly #ids = { pid: 0, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }

  constructor(log: Log) {
    this.#log = log
  }

  /** The context's signal never fires: this driver is not told that a program stopped waiting. */
  run<T>(
    subject: Subject,
    work: (context: OpContext) => Promise<T>,
    { succeed, fail }: { succeed: (value: T) => void; fail: Done },
  ): void {
    const context: OpContext = { signal: new AbortController().signal, ...this.#ids }
    Promise.resolve(context)
      .then(work)
      .then(succeed, (error: unknown) => fail(-this.#errnoOf(subject, error)))
      .catch((error: unknown) =>
        this.#log.error('a call was not answered', { ...subject, reason: String(error) }),
      )
  }

  /** As `run`, for calls that answer nothing but success. */
  done(subject: Subject, work: (context: OpContext) => Promise<unknown>, done: Done): void {
    this.run(subject, work, { succeed: () => done(0), fail: done })
  }

  #errnoOf(subject: Subject, error: unknown): number {
    const { errno, level, message } = error instanceof FsError ? error : toFsError(error, subject.path)
    this.#log[level](message, { ...subject })
    return errno
  }
}
