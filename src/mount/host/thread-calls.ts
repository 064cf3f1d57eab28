/** Calls from one thread to another over a message port: parameters, progress and results are JSON, and a call can be aborted. */
import { setMaxListeners } from 'node:events'
import type { MessagePort, Worker } from 'node:worker_threads'
import { MountError, type ControlMethods, type Json, type MountFailure } from '../spec.ts'

/** What the other end has of a port: a `Worker` is its own. */
type Port = Pick<MessagePort | Worker, 'postMessage' | 'on'>

type Asked =
  | {
      readonly call: number
      readonly method: string
      readonly params: Json
      /** From the start: a message about it would come after the call has begun. */
      readonly isAborted: boolean
    }
  | { readonly abort: number }
type Answered =
  | { readonly progress: number; readonly event: Json }
  | { readonly result: number; readonly value: Json }
  | { readonly failed: number; readonly failure: Failure }

interface Failure {
  /** Of the error's class: what is no known one is a bug of ours. */
  readonly name: string
  readonly message: string
  /** Of a `MountError`. */
  readonly kind?: MountFailure | undefined
  readonly stack?: string | undefined
}

export interface CallOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (event: Json) => void
}

interface Waiting {
  readonly onProgress: (event: Json) => void
  readonly resolve: (value: Json) => void
  readonly reject: (error: Error) => void
}

/** The asking end. */
export class ThreadCaller {
  readonly #port: Port
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #lost: Error | undefined

  constructor(port: Port) {
    this.#port = port
    port.on('message', (message: Partial<Answered>) => this.#take(message as Answered))
  }

  /**
   * An aborted `signal` is told to the other end, which decides what becomes of the call.
   * @throws {MountError} or an error with the message of the other end; the reason of `fail`
   */
  call(method: string, params: Json = null, { signal, onProgress }: CallOptions = {}): Promise<Json> {
    return new Promise<Json>((resolve, reject) => {
      if (this.#lost) return reject(this.#lost)
      const call = this.#nextId++
      const abort = () => this.#post({ abort: call })
      const settled = () => signal?.removeEventListener('abort', abort)
      this.#waiting.set(call, {
        onProgress: onProgress ?? (() => undefined),
        resolve: (value) => {
          settled()
          resolve(value)
        },
        reject: (error) => {
          settled()
          reject(error)
        },
      })
      this.#post({ call, method, params, isAborted: signal?.aborted === true })
      return signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** The other end is gone: nothing that was asked will be answered. */
  fail(reason: Error): void {
    this.#lost ??= reason
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
  }

  #post(message: Asked): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#port.postMessage(message)
  }

  #take(message: Answered): void {
    if ('progress' in message) return this.#waiting.get(message.progress)?.onProgress(message.event)
    const id = 'result' in message ? message.result : 'failed' in message ? message.failed : undefined
    const waiting = id === undefined ? undefined : this.#waiting.get(id)
    // Messages of other kinds travel on the same port.
    if (id === undefined || !waiting) return undefined
    this.#waiting.delete(id)
    if ('result' in message) return waiting.resolve(message.value)
    return waiting.reject(errorOf((message as { failure: Failure }).failure))
  }
}

/** The answering end. */
export function answerThreadCalls(port: Port, methods: ControlMethods): void {
  const running = new Map<number, AbortController>()
  const post = (message: Answered) => port.postMessage(message)
  port.on('message', (message: Asked) => {
    if ('abort' in message) {
      running.get(message.abort)?.abort(new Error('nobody waits for the answer any more'))
    } else if ('call' in message) {
      const { call, method, params, isAborted } = message
      const controller = new AbortController()
      if (isAborted) controller.abort(new Error('nobody waits for the answer from the start'))
      setMaxListeners(0, controller.signal)
      running.set(call, controller)
      const progress = (event: Json) => post({ progress: call, event })
      const run = async () => {
        const asked = methods[method]
        if (!asked) throw new Error(`there is no call ${method}`)
        return asked({ params, signal: controller.signal, progress })
      }
      void run()
        .then(
          (value) => post({ result: call, value }),
          (error: unknown) => post({ failed: call, failure: failureOf(error) }),
        )
        .finally(() => running.delete(call))
    }
  })
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const { name, message, stack } = error
  return { name, message, stack, kind: error instanceof MountError ? error.kind : undefined }
}

function errorOf({ name, message, kind, stack }: Failure): Error {
  const error: Error = kind === undefined ? new Error(message) : new MountError(message, { kind })
  if (kind === undefined) error.name = name
  if (stack !== undefined) error.stack = stack
  return error
}
