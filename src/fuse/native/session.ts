import { Errno, errnoName, type ErrnoCode } from '../../base/errno.ts'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { MaybePromise } from '../../base/maybe-promise.ts'
import { FsError } from '../../core/errors.ts'
import type { FileSystem } from '../../core/ports.ts'
import type { Entry, FileSpan } from '../../core/types.ts'
import { PROTOCOL_MAJOR } from './abi.ts'
import { SENT, type Answer, type Handler, type Handlers } from './answer.ts'
import { attributeOperations, xattrOperations } from './attribute-operations.ts'
import { DecodeError } from './byte-reader.ts'
import type { Channel, OpenChannel } from './channel.ts'
import { contentOperations } from './content-operations.ts'
import { Deferred } from './deferred.ts'
import { decodeBody, decodeHeader, isOneWay } from './decode.ts'
import { encodeDone, encodeError, encodeInit, encodeMajorOnly } from './encode.ts'
import { folderOperations } from './folder-operations.ts'
import { negotiate, type Features } from './init.ts'
import { nameOperations } from './name-operations.ts'
import type { KernelNotifier } from './notify.ts'
import { OpenHandles } from './open-handles.ts'
import { Outbox } from './outbox.ts'
import { PendingRequests } from './pending-requests.ts'
import { rangeOperations } from './range-operations.ts'
import { RequestContext } from './request-context.ts'
import type {
  Control,
  Forget,
  InitRequest,
  OneWay,
  Request,
  RequestHeader,
  Served,
  ServedOp,
} from './requests.ts'
import { ShownModes } from './shown-modes.ts'

export interface SessionParts {
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly log: Log
  readonly notifier: KernelNotifier
  /** The kernel collects writes and tells them later: fast, and blind to changes from elsewhere. */
  readonly writebackCache: boolean
  /** For how long at most the kernel may believe that there is no such name, ms; 0: it asks each time. */
  readonly negativeTtlMs: number
}

/**
 * So many writes may keep the memory that they came in, half of what the addon has by default: with all of it kept nothing
 * could be read any more, not even that a program was interrupted. More writes at once are copied.
 */
const MAX_KEPT_SLOTS = 64

/** What must not go on when its program has done something else meanwhile, and what only tells of an end. */
const CHANGES_CONTENT: ReadonlySet<ServedOp> = new Set<ServedOp>([
  'write',
  'copyrange',
  'fallocate',
  'setattr',
  'flush',
  'fsync',
  'release',
  'releasedir',
])

/** How a request is refused whose name or number no file can have; anything else that cannot be read is the kernel's fault or ours. */
const byMistake: ReadonlySet<number> = new Set([Errno.EILSEQ, Errno.EFBIG, Errno.ENXIO])

/** Requests of a session on which nothing was agreed yet, or that is over, have no handlers. */
type State =
  | { readonly at: 'beginning' }
  /** `byOpcode`: those that were needed, found without looking for a name. */
  | { readonly at: 'serving'; readonly handlers: Handlers; readonly byOpcode: Handler<ServedOp>[] }
  | { readonly at: 'over' }

/**
 * The protocol of one mount, from INIT to the end of its channel:
 *
 *   beginning --INIT--> serving --(the channel ends, or `end`)--> over
 *
 * - every request that is waited for is answered exactly once; those that nobody waits for never;
 * - memory of a WRITE is kept while its work goes on, unless many are; all other requests are copied out of theirs at once;
 * - what the kernel did not take of an answer (a look-up, a handle) is taken back.
 */
export class Session {
  readonly #parts: SessionParts
  readonly #channel: Channel
  readonly #outbox: Outbox
  readonly #handles: OpenHandles
  readonly #modes = new ShownModes()
  readonly #pending: PendingRequests
  #keptSlots = 0
  #state: State = { at: 'beginning' }
  readonly #ready = new Deferred<Features>()
  readonly #over = new Deferred<number>()
  #ended: Promise<void> | undefined

  constructor(open: OpenChannel, parts: SessionParts) {
    this.#parts = parts
    this.#handles = new OpenHandles(parts.fileSystem, parts.log)
    this.#pending = new PendingRequests({
      clock: parts.clock,
      letGo: ({ unique }, { errno }) => this.#reply(unique, { encode: () => encodeError(unique, errno) }),
    })
    this.#channel = open({
      onRequests: (...memories) => this.#receive(memories),
      onEnd: (errno) => this.#finish(errno),
    })
    this.#outbox = new Outbox(this.#channel, parts.log)
  }

  /** Resolves when kernel and driver have agreed; rejects when they cannot or the connection is over before. */
  get ready(): Promise<Features> {
    return this.#ready.promise
  }

  /** Resolves when nothing will be asked any more, with the errno by which the channel said so (0: we closed it). */
  get over(): Promise<number> {
    return this.#over.promise
  }

  get isOver(): boolean {
    return this.#state.at === 'over'
  }

  /** Files and folders that programs have open. */
  get openCount(): number {
    return this.#handles.count
  }

  /** Closes the connection, waits for what is worked on, and releases what programs had open. */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    this.#finish(0)
    this.#channel.close()
    await this.#pending.idle()
    await this.#handles.releaseAll()
  }

  #finish(errno: number): void {
    if (this.#state.at === 'over') return
    this.#state = { at: 'over' }
    this.#parts.notifier.detach()
    this.#ready.reject(new Error(`the connection to the kernel ended before it began (${errnoName(errno)})`))
    // Nobody need wait for it to fail.
    this.#ready.promise.catch(() => undefined)
    this.#pending.abortAll()
    this.#over.resolve(errno)
  }

  /** Requests that came together: what is known at once is answered together. */
  #receive(memories: readonly Buffer[]): void {
    this.#outbox.gather()
    for (let index = 0; index < memories.length; index += 1) this.#take(memories[index]!, index)
    this.#outbox.flush()
  }

  /** Never throws. */
  #take(memory: Buffer, index: number): void {
    let header: RequestHeader
    try {
      header = decodeHeader(memory)
    } catch (error) {
      this.#parts.log.error('a message of the kernel could not be read', { reason: String(error) })
      return
    }
    try {
      this.#dispatch(header, decodeBody(header, memory), index)
    } catch (error) {
      this.#refuse(header, error)
    }
  }

  #dispatch(header: RequestHeader, request: Request, index: number): void {
    if (request.op === 'init' || request.op === 'destroy') this.#control(header.unique, request)
    else if (request.op === 'refused') {
      this.#reply(header.unique, { encode: () => encodeError(header.unique, request.errno) })
    } else if (request.op === 'forget' || request.op === 'interrupt' || request.op === 'ignored') {
      this.#oneWay(request)
    } else this.#serve(header, request, index)
  }

  #control(unique: number, request: Control): void {
    if (request.op === 'init') this.#init(unique, request)
    else this.#reply(unique, { encode: () => encodeDone(unique) })
  }

  #init(unique: number, request: InitRequest): void {
    const { writebackCache, notifier, log } = this.#parts
    const version = `${request.major}.${request.minor}`
    if (this.#state.at !== 'beginning') throw new Error('the kernel began twice')
    const result = negotiate(request, { writebackCache })
    if (result.outcome === 'ask-again') {
      return this.#reply(unique, { encode: () => encodeMajorOnly(unique, PROTOCOL_MAJOR) })
    }
    if (result.outcome === 'too-old') {
      this.#reply(unique, { encode: () => encodeError(unique, Errno.EPROTO) })
      return this.#ready.reject(new Error(`the kernel speaks FUSE ${version}, which is too old`))
    }
    const { features, reply } = result
    this.#state = { at: 'serving', handlers: this.#handlersFor(features), byOpcode: [] }
    this.#reply(unique, { encode: () => encodeInit(unique, PROTOCOL_MAJOR, reply) })
    notifier.attach(this.#channel, features)
    log.debug('agreed with the kernel', { version, ...features })
    return this.#ready.resolve(features)
  }

  #handlersFor(features: Features): Handlers {
    const { fileSystem, negativeTtlMs } = this.#parts
    const parts = {
      fileSystem,
      handles: this.#handles,
      modes: this.#modes,
      features,
      negativeTtlMs,
      forget: (entries: readonly Entry[]) => this.#forget(entries.map(({ ino }) => ({ ino, count: 1 }))),
      sendSpan: (header: Buffer, span: FileSpan) => this.#sendSpan(header, span),
    }
    return {
      ...nameOperations(parts),
      ...attributeOperations(parts),
      ...xattrOperations(parts),
      ...contentOperations(parts),
      ...folderOperations(parts),
      ...rangeOperations(parts),
    }
  }

  #oneWay(request: OneWay): void {
    if (request.op === 'forget') {
      for (const { ino } of request.forgets) this.#modes.forget(ino)
      this.#forget(request.forgets)
    } else if (request.op === 'interrupt') this.#pending.interrupt(request.target)
  }

  #forget(forgets: readonly Forget[]): void {
    for (const { ino, count } of forgets) {
      try {
        this.#parts.fileSystem.forget(ino, count)
      } catch (error) {
        this.#parts.log.error('a node could not be forgotten', { ino, count, reason: String(error) })
      }
    }
  }

  #serve(header: RequestHeader, request: Served, index: number): void {
    if (this.#state.at !== 'serving') throw new FsError(Errno.EIO, 'a request outside of a session')
    const { op } = request
    const context = new RequestContext(header)
    const { handlers, byOpcode } = this.#state
    const handler = (byOpcode[header.opcode] ??= handlers[op] as Handler<ServedOp>)
    const mustCopy = op === 'write' && this.#keptSlots >= MAX_KEPT_SLOTS
    let answer: MaybePromise<Answer>
    try {
      answer = handler(mustCopy ? { ...request, data: Buffer.from(request.data) } : request, context)
    } catch (error) {
      answer = this.#failure(error, op, context)
    }
    if (!(answer instanceof Promise)) return this.#finishWork(op, context, answer)
    if (op === 'write' && !mustCopy) this.#keep(context, index)
    return this.#finishLater(op, context, answer)
  }

  /** A write's memory is its own until it is done. */
  #keep(context: RequestContext, index: number): void {
    context.keptSlot = this.#channel.keep(index)
    this.#keptSlots += 1
  }

  #finishLater(op: ServedOp, context: RequestContext, work: Promise<Answer>): void {
    context.mayBeLeft = !CHANGES_CONTENT.has(op)
    this.#pending.add(context)
    const finish = (answer: Answer) => {
      this.#finishWork(op, context, answer)
      if (context.keptSlot !== undefined) {
        this.#channel.release(context.keptSlot)
        this.#keptSlots -= 1
      }
      this.#pending.done(context)
    }
    // One reaction a request: each further promise would cost every small request.
    void work.then(finish, (error: unknown) => finish(this.#failure(error, op, context)))
  }

  /** Never throws. */
  #finishWork(op: ServedOp, context: RequestContext, answer: Answer): void {
    const { unique } = context
    try {
      if (context.isLetGo) answer.undo?.()
      else this.#reply(unique, answer)
    } catch (error) {
      this.#parts.log.error('an answer could not be sent', { op, unique, reason: String(error) })
    }
  }

  #failure(error: unknown, op: string, context: RequestContext): Answer {
    const errno = context.errnoAfter(this.#errnoOf(error, op, context))
    return { encode: () => encodeError(context.unique, errno) }
  }

  #errnoOf(error: unknown, op: string, { ino, pid, unique }: RequestContext): ErrnoCode {
    const fields = { op, ino, pid, unique }
    if (error instanceof FsError) {
      this.#parts.log[error.level](error.message, fields)
      return error.errno
    }
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#parts.log.error('an operation failed in a way that nobody expected', { ...fields, reason })
    return Errno.EIO
  }

  /** What could not be read, or came at the wrong time. */
  #refuse({ opcode, unique }: RequestHeader, error: unknown): void {
    const fields = { opcode, unique, reason: String(error) }
    const errno = error instanceof DecodeError || error instanceof FsError ? error.errno : Errno.EIO
    if (byMistake.has(errno)) this.#parts.log.debug('a request was refused', fields)
    else this.#parts.log.error('a request could not be served', fields)
    if (!isOneWay(opcode)) this.#reply(unique, { encode: () => encodeError(unique, errno) })
  }

  /** By the time that anything else happens the file may be closed: so the bytes are sent now or not at all. */
  #sendSpan(header: Buffer, { fd, offset, length }: FileSpan): boolean {
    const errno = this.#channel.replyFromCachedFile(header, fd, offset, length)
    return errno === 0 || errno === Errno.ENOENT || errno === Errno.ENODEV
  }

  #reply(unique: number, answer: Answer): void {
    if (answer === SENT) return
    if (this.#state.at === 'over') answer.undo?.()
    else this.#outbox.add(unique, answer)
  }
}
