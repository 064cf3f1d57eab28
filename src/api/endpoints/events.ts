/** `/file/events`: what others change below a folder, told by the server (api/02 §9). */
import type { ApiClient } from '../client.ts'
import { ApiError } from '../errors.ts'
import { readEvents, type ServerSentEvent } from '../event-stream.ts'
import * as schema from '../schema.ts'

/**
 * - `subscribed`: everything from now on is told; what was before is not
 * - `resumed`: the server knows this client, and tells what it kept meanwhile, as far as there is room
 * - `keep-alive`: the connection lives
 * - `reconnect-required`: the server wants to be asked anew (Pro)
 * - `changes`: of one event, in order
 * - `unclear`: an event that this client does not understand
 */
export type StreamMessage =
  | { readonly kind: 'subscribed' | 'resumed' | 'keep-alive' | 'reconnect-required' }
  | { readonly kind: 'unclear' }
  | { readonly kind: 'changes'; readonly changes: schema.WireEvents }

const endpoint = 'GET /file/events'

export interface EventQuery {
  /** A stream that says nothing for so long is taken for broken, ms. The server says something every 30 s. */
  readonly silenceMs: number
  readonly signal: AbortSignal
}

/**
 * Messages of one connection, until the server ends it. Those of the same client id are left out, so no two connections of one
 * client may watch one folder (api/00-live-files §9).
 * @throws {ApiError} `refused` and `no-route` where there is no stream, `lost` when it breaks or says nothing; the signal's reason
 * when it was aborted
 */
export async function* folderEvents(
  client: ApiClient,
  uri: string,
  { silenceMs, signal }: EventQuery,
): AsyncGenerator<StreamMessage> {
  const silence = new AbortController()
  const end = AbortSignal.any([signal, silence.signal])
  let cancel: (() => void) | undefined
  const watch = () => {
    cancel?.()
    cancel = client.clock.after(silenceMs, () => {
      const seconds = Math.round(silenceMs / 1000)
      silence.abort(new ApiError('lost', `the event stream said nothing for ${seconds} s`, { endpoint }))
    })
  }
  const call = {
    path: '/file/events',
    query: { uri },
    subject: uri,
    contentType: 'text/event-stream',
    signal: end,
  }
  const body = await client.stream(call)
  watch()
  try {
    for await (const event of readEvents(body, endpoint)) {
      watch()
      const message = messageOf(event)
      if (message) yield message
    }
  } finally {
    cancel?.()
  }
}

/** Names that are not known are to be passed over (api/02 §9.2). */
function messageOf({ name, data }: ServerSentEvent): StreamMessage | undefined {
  switch (name) {
    case 'subscribed':
    case 'resumed':
    case 'keep-alive':
    case 'reconnect-required':
      return { kind: name }
    case 'event':
      return changesOf(data)
    default:
      return undefined
  }
}

function changesOf(data: string): StreamMessage {
  const parsed = schema.events.safeParse(jsonOf(data))
  return parsed.success ? { kind: 'changes', changes: parsed.data } : { kind: 'unclear' }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
