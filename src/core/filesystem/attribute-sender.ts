import { backoffMs } from '../../base/backoff.ts'
import { messageOf } from '../../base/error-message.ts'
import type { Node } from '../inode/index.ts'
import type { SyncState } from '../write/index.ts'
import { AttributeDelivery, isRefusal, type Failures } from './attribute-delivery.ts'
import type { Core } from './core.ts'
import { changeOf, type PendingChange } from './pending-change.ts'
import {
  canBeSent,
  clearUnsent,
  setUnsent,
  unsentPatches,
  type AttributeChange,
} from './unsent-attributes.ts'

/** While programs go on changing attributes, what they changed first waits for the rest so long, ms. */
const longestWaitMs = 5_000
/** Of so many files it is remembered that the server has refused their attributes. */
const mostRefused = 100

interface Waiting {
  failures: number
  /** When it is tried again, monotonic ms; undefined: it goes with what was changed last. */
  retryAtMs: number | undefined
  sending: Promise<Failures> | undefined
}

/**
 * Attributes that programs have set on what the server has:
 *
 *   set here ──(nothing more is set for a moment)──▶ sent, equal ones of many files in one call ──▶ done
 *        '──(content of the file goes first)──▶ travel with it, or wait for it      '──(refused)──▶ as the server has them
 *
 * They are on record (`PendingStates`), so a crash in between changes nothing. They go to where the server has the object by
 * then, whatever it is called here.
 */
export class AttributeSender {
  readonly #core: Core
  readonly #delivery: AttributeDelivery
  readonly #waiting = new Map<Node, Waiting>()
  /** The last one that was refused is the last. */
  readonly #refused = new Set<Node>()
  /** Of what is not sent: first and last change, monotonic ms. */
  #firstAtMs: number | undefined
  #lastAtMs = 0
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined
  /** Who waits for some of it to be done, or to fail. */
  #onProgress: (() => void)[] = []
  #isClosed = false

  constructor(core: Core) {
    this.#core = core
    this.#delivery = new AttributeDelivery(core, (heir) => this.sendLater(heir))
  }

  /** Nodes whose attributes wait to be sent. */
  get count(): number {
    return this.#waiting.size
  }

  /** A program has set something: it shows at once. On record it is after `pending.written`. */
  change(node: Node, change: AttributeChange): void {
    this.forgetRefusal(node)
    setUnsent(node, change)
    this.#core.pending.touch(node)
    this.sendLater(node)
  }

  /** What is unsent of `node`, if anything, can be sent now: the server has it, and its content does not go first any more. */
  sendLater(node: Node): void {
    if (!canBeSent(node)) return
    const { clock, options } = this.#core
    if (!this.#waiting.has(node) && this.#hasNothing(node)) return
    if (!this.#waiting.has(node)) {
      node.pins += 1
      this.#waiting.set(node, { failures: 0, retryAtMs: undefined, sending: undefined })
    }
    this.#lastAtMs = clock.monotonic()
    this.#firstAtMs ??= this.#lastAtMs
    this.#wakeAt(this.#lastAtMs + options.quietMs)
  }

  /** Sends now what waits of `node`. @throws what the server said */
  async settle(node: Node): Promise<void> {
    for (let waiting = this.#waiting.get(node); waiting; waiting = this.#waiting.get(node)) {
      if (!waiting.sending && (this.#isClosed || !canBeSent(node))) return
      if (!waiting.sending) void this.#send([node])
      const failures = await waiting.sending
      if (failures?.has(node)) throw failures.get(node)
    }
  }

  /** The same for who only wants to see what was done: that it was refused, or has to wait, is told elsewhere. */
  async settleIfPossible(node: Node): Promise<void> {
    await this.settle(node).catch((error: unknown) => {
      this.#core.log.debug('attributes are not at the server yet', {
        file: node.label,
        reason: messageOf(error),
      })
    })
  }

  /** Sends at once what waits, also for another try. */
  tryNow(): void {
    this.#sendWhat(() => true)
  }

  /** Sends what waits now, and resolves when the server has it, however long that takes. `onProgress`: some of it is done, or failed. */
  async drain(onProgress: () => void = () => undefined): Promise<void> {
    this.tryNow()
    for (const node of [...this.#waiting.keys()])
      while (this.#waiting.has(node)) {
        onProgress()
        await new Promise<void>((resolve) => {
          this.#onProgress.push(resolve)
          this.#sendWhat(({ retryAtMs }) => retryAtMs === undefined)
        })
      }
  }

  /** What waits, for people. */
  pending(within: (label: string) => boolean): PendingChange[] {
    const nodes = [...this.#waiting.keys()].filter((node) => canBeSent(node) && within(node.label))
    return nodes.map((node) => this.#inWords(node))
  }

  /** What the server refused, for people; programs see what it has. */
  refused(within: (label: string) => boolean): PendingChange[] {
    return [...this.#refused].filter(({ label }) => within(label)).map((node) => this.#inWords(node))
  }

  /** Somebody has taken note of a refusal; false: there was none. */
  forgetRefusal(node: Node): boolean {
    if (!this.#refused.delete(node)) return false
    node.attributeTrouble = undefined
    this.#letGo(node)
    return true
  }

  /** Nothing is begun any more: the next process goes on. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #inWords(node: Node): PendingChange {
    const isSending = this.#waiting.get(node)?.sending !== undefined
    const known = attributeSync(node)!
    const detail = known.state === 'failed' ? undefined : this.#core.writeBack.outage.detailOfNames
    const waiting = detail === undefined ? known : ({ state: 'retrying', detail } as const)
    const state = isSending ? ({ state: 'uploading' } as const) : waiting
    return changeOf('attributes', node.label, state)
  }

  /** True when the server has everything already. */
  #hasNothing(node: Node): boolean {
    if (node.isVanished || unsentPatches(node, node.entry!).length > 0) return false
    clearUnsent(node)
    this.#core.pending.touch(node)
    return true
  }

  #wakeAt(atMs: number): void {
    if (this.#isClosed || (this.#timer && this.#timer.atMs <= atMs)) return
    this.#timer?.cancel()
    const delayMs = Math.max(0, atMs - this.#core.clock.monotonic())
    this.#timer = { atMs, cancel: this.#core.sending.after(delayMs, () => this.#wake()) }
  }

  async #wake(): Promise<void> {
    this.#timer = undefined
    const nowMs = this.#core.clock.monotonic()
    const quietAtMs = this.#lastAtMs + this.#core.options.quietMs
    const dueAtMs = Math.min(quietAtMs, (this.#firstAtMs ?? nowMs) + longestWaitMs)
    const due: Node[] = []
    let nextAtMs = Infinity
    for (const [node, { retryAtMs = dueAtMs, sending }] of this.#waiting) {
      if (sending) continue
      if (retryAtMs <= nowMs) due.push(node)
      else nextAtMs = Math.min(nextAtMs, retryAtMs)
    }
    if (dueAtMs <= nowMs) this.#firstAtMs = undefined
    if (nextAtMs < Infinity) this.#wakeAt(nextAtMs)
    await this.#send(due)
  }

  #sendWhat(isMeant: (waiting: Waiting) => boolean): void {
    const meant = [...this.#waiting].filter(([, waiting]) => !waiting.sending && isMeant(waiting))
    void this.#send(meant.map(([node]) => node))
  }

  #send(nodes: readonly Node[]): Promise<Failures> | undefined {
    if (this.#isClosed) return undefined
    for (const node of nodes) if (!canBeSent(node)) this.#leave(node)
    const sent = nodes.filter((node) => this.#waiting.has(node))
    if (sent.length === 0) return undefined
    const sending = this.#deliver(sent)
    for (const node of sent) this.#waiting.get(node)!.sending = sending
    return sending
  }

  async #deliver(nodes: readonly Node[]): Promise<Failures> {
    const failures = await this.#delivery.deliver(nodes).catch((error: unknown) => {
      this.#core.log.error('attributes could not be sent', { error })
      return new Map(nodes.map((node) => [node, error]))
    })
    this.#sent(nodes, failures)
    return failures
  }

  #sent(nodes: readonly Node[], failures: Failures): void {
    for (const node of nodes) this.#waiting.get(node)!.sending = undefined
    for (const node of nodes.filter((one) => !failures.has(one))) this.#arrived(node)
    const failed = nodes.filter((node) => failures.has(node))
    for (const node of failed)
      if (isRefusal(failures.get(node))) this.#refuse(node, messageOf(failures.get(node)))
      else if (!canBeSent(node)) this.#leave(node)
    const again = failed.filter((node) => this.#waiting.has(node) && !isRefusal(failures.get(node)))
    this.#tryAgain(again, failures)
    this.#tell()
  }

  #arrived(node: Node): void {
    const waiting = this.#waiting.get(node)!
    node.attributeTrouble = undefined
    waiting.failures = 0
    waiting.retryAtMs = undefined
    this.#goOn(node)
  }

  /** More may have been set while some was on its way. */
  #goOn(node: Node): void {
    if (!canBeSent(node) || this.#hasNothing(node)) this.#leave(node)
    else this.sendLater(node)
  }

  #refuse(node: Node, reason: string): void {
    this.#core.log.warn(
      'attributes were not stored: the server refuses them, and what it has is shown again',
      {
        file: node.label,
        reason,
      },
    )
    node.attributeTrouble = { state: 'failed', detail: `the server refused new attributes of it: ${reason}` }
    this.#core.kernel.invalidateAttributes(node.ino)
    if (!this.#refused.has(node)) node.pins += 1
    this.#refused.add(node)
    const [oldest] = this.#refused
    if (oldest && this.#refused.size > mostRefused) this.forgetRefusal(oldest)
    this.#goOn(node)
  }

  /** Together, so that they still go in one call. */
  #tryAgain(nodes: readonly Node[], failures: Failures): void {
    if (nodes.length === 0) return
    const { clock, log, sending } = this.#core
    const reason = messageOf(failures.get(nodes[0]!))
    log.info('attributes are sent again later', { files: nodes.length, reason })
    const tries = Math.min(...nodes.map((node) => this.#waiting.get(node)!.failures))
    const restMs = sending.isHeldUp ? 0 : backoffMs(tries, { firstMs: 500, maxMs: 60_000 })
    const retryAtMs = clock.monotonic() + restMs
    for (const node of nodes) {
      const waiting = this.#waiting.get(node)!
      node.attributeTrouble = { state: 'retrying', detail: messageOf(failures.get(node)) }
      waiting.retryAtMs = retryAtMs
      waiting.failures += 1
    }
    this.#wakeAt(retryAtMs)
  }

  #tell(): void {
    for (const tell of this.#onProgress.splice(0)) tell()
  }

  #leave(node: Node): void {
    if (!this.#waiting.delete(node)) return
    if (node.attributeTrouble?.state === 'retrying') node.attributeTrouble = undefined
    this.#letGo(node)
    this.#tell()
  }

  #letGo(node: Node): void {
    node.pins -= 1
    this.#core.tree.table.release(node)
  }
}

/** Whether the server has the attributes of `node`; undefined when it has, or when they travel with its content. */
export function attributeSync(node: Node): SyncState | undefined {
  if (node.attributeTrouble) return node.attributeTrouble
  return canBeSent(node) ? { state: 'waiting', detail: 'its attributes are sent in a moment' } : undefined
}
