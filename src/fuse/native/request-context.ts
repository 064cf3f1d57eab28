import { Errno, type ErrnoCode } from '../../base/errno.ts'
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
  readonly takesViews = true
  /** Its work may go on when nobody waits for it any more. */
  mayBeLeft = false
  /** Of a write: holds its bytes until its work is done. */
  keptSlot: number | undefined
  /** It was answered before its work has ended. */
  isLetGo = false
  /** How often it was seen to be worked on. */
  looks = 0
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

  get isAborted(): boolean {
    return this.#reason !== undefined
  }

  /** Nobody waits for the answer any more. Whoever gives up because of it answers EINTR. */
  abort(reason = new FsError(Errno.EINTR, 'the program stopped waiting')): void {
    this.#reason ??= reason
    this.#controller?.abort(this.#reason)
  }

  /** What the program is told when the work ended with `errno`: work that was given up says EINTR, whatever the reason was. */
  errnoAfter(errno: ErrnoCode): ErrnoCode {
    return errno === Errno.EINTR && this.#reason ? this.#reason.errno : errno
  }
}
