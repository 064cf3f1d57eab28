import { Errno } from '../../base/errno.ts'
import { FsError } from '../../core/errors.ts'
import type { Ino, OpContext } from '../../core/types.ts'
import type { RequestHeader } from './requests.ts'

/** One request while it is worked on. Its signal is made when somebody asks for it: most requests are answered at once. */
export class RequestContext implements OpContext {
  readonly unique: number
  readonly ino: Ino
  readonly pid: number
  readonly uid: number
  readonly gid: number
  #controller: AbortController | undefined
  #reason: FsError | undefined

  constructor({ unique, ino, pid, uid, gid }: RequestHeader) {
    this.unique = unique
    this.ino = ino
    this.pid = pid
    this.uid = uid
    this.gid = gid
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  /** Nobody waits for the answer any more. Whoever gives up because of it answers EINTR. */
  abort(): void {
    this.#reason ??= new FsError(Errno.EINTR, 'the program stopped waiting')
    this.#controller?.abort(this.#reason)
  }
}
