import type { WireEvent } from '../../api/types.ts'
import type { ServerTime } from '../times.ts'
import { mergeEvents } from './event-merge.ts'
import { pathOf, type FileNode } from './tree.ts'

/** One connection that reads events. */
export interface EventSink {
  send(event: string, data: string): void
}

/** A change in a drive; paths are elements from its root. `to` is the new path of a rename. */
export interface Change {
  type: WireEvent['type']
  node: FileNode
  from: readonly string[]
  to?: readonly string[]
}

interface Subscriber {
  readonly folder: FileNode
  readonly clientId: string
  connections: EventSink[]
  isOnline: boolean
  /** Not yet sent. */
  pending: WireEvent[]
  cancelFlush: (() => void) | undefined
  /** Whose turn it is when two connections share one subscriber. */
  turn: number
}

/** Slots between the merging and the connection: what one flush has beyond them is lost without a word (api/02 §9.6). */
const queueSlots = 16

/**
 * Push notification of changes below a folder. The state is in memory, per (folder, client id): a restart forgets it all.
 */
export class Events {
  readonly #time: ServerTime
  readonly #debounceMs: number
  readonly #keepAliveMs: number
  readonly #subscribers = new Map<string, Subscriber>()

  constructor(time: ServerTime, { debounceMs, keepAliveMs }: { debounceMs: number; keepAliveMs: number }) {
    this.#time = time
    this.#debounceMs = debounceMs
    this.#keepAliveMs = keepAliveMs
  }

  /** Returns what ends the subscription of this connection. */
  subscribe(folder: FileNode, clientId: string, sink: EventSink): () => void {
    const key = `${folder.number}:${clientId}`
    const known = this.#subscribers.get(key)
    const subscriber = known ?? newSubscriber(folder, clientId)
    this.#subscribers.set(key, subscriber)
    subscriber.connections.push(sink)
    subscriber.isOnline = true
    sink.send(known ? 'resumed' : 'subscribed', '<nil>')
    if (subscriber.pending.length > 0) this.#schedule(subscriber)
    const stopKeepAlive = this.#keepAlive(sink)
    return () => {
      stopKeepAlive()
      subscriber.connections = subscriber.connections.filter((other) => other !== sink)
      // Also when another connection shares the subscriber: it gets nothing any more (api/02 §9.6).
      subscriber.isOnline = false
      subscriber.cancelFlush?.()
    }
  }

  publish({ type, node, from, to }: Change, originClientId: string | undefined): void {
    for (const subscriber of this.#subscribers.values()) {
      if (subscriber.clientId === originClientId || subscriber.folder.ownerNumber !== node.ownerNumber)
        continue
      const folder = pathOf(subscriber.folder)
      const event = seenFrom({ type, from: below(from, folder), to: to && below(to, folder), id: node.id })
      if (event) this.#enqueue(subscriber, event)
    }
  }

  /** All subscribers and what is stored for them are lost. */
  clear(): void {
    for (const { cancelFlush } of this.#subscribers.values()) cancelFlush?.()
    this.#subscribers.clear()
  }

  #enqueue(subscriber: Subscriber, event: WireEvent): void {
    subscriber.pending.push(event)
    if (subscriber.isOnline) this.#schedule(subscriber)
  }

  /** Starts the quiet time anew: a trickle of changes delays everything. */
  #schedule(subscriber: Subscriber): void {
    subscriber.cancelFlush?.()
    subscriber.cancelFlush = this.#time.clock.after(this.#debounceMs, () => {
      subscriber.cancelFlush = undefined
      this.#flush(subscriber)
    })
  }

  #flush(subscriber: Subscriber): void {
    if (!subscriber.isOnline || subscriber.connections.length === 0) return
    const events = mergeEvents(subscriber.pending).slice(0, queueSlots)
    subscriber.pending = []
    for (const event of events) {
      const sink = subscriber.connections[subscriber.turn++ % subscriber.connections.length]!
      sink.send('event', JSON.stringify(event))
    }
  }

  #keepAlive(sink: EventSink): () => void {
    let cancel: (() => void) | undefined
    const again = () => {
      cancel = this.#time.clock.after(this.#keepAliveMs, () => {
        sink.send('keep-alive', '<nil>')
        again()
      })
    }
    again()
    return () => cancel?.()
  }
}

function newSubscriber(folder: FileNode, clientId: string): Subscriber {
  return {
    folder,
    clientId,
    connections: [],
    isOnline: true,
    pending: [],
    cancelFlush: undefined,
    turn: 0,
  }
}

/** `/a/b` below `folder`; undefined when the path is not below it. The folder itself is not below itself. */
function below(path: readonly string[], folder: readonly string[]): string | undefined {
  if (path.length <= folder.length || folder.some((element, i) => path[i] !== element)) return undefined
  return `/${path.slice(folder.length).join('/')}`
}

interface Seen {
  type: WireEvent['type']
  from: string | undefined
  to: string | undefined
  id: string
}

/** What a subscriber sees of a change: a move out of its folder is a deletion, a move in a creation. */
function seenFrom({ type, from, to, id }: Seen): WireEvent | undefined {
  if (type !== 'rename') return from === undefined ? undefined : { type, file_id: id, from, to: '' }
  if (from !== undefined && to !== undefined) return { type, file_id: id, from, to }
  if (from !== undefined) return { type: 'delete', file_id: id, from, to: '' }
  return to === undefined ? undefined : { type: 'create', file_id: id, from: to, to: '' }
}
