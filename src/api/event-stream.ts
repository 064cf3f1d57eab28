/** Server-sent events: the text of a stream, cut into its events. */
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { ApiError } from './errors.ts'

/** No event of the server comes near it; what is longer is no stream of events. */
const MAX_EVENT_CHARACTERS = 1024 * 1024

export interface ServerSentEvent {
  readonly name: string
  readonly data: string
}

/**
 * As they come; characters may be spread over pieces.
 * @throws {ApiError} `malformed`; what reading `body` throws
 */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
  endpoint: string,
): AsyncGenerator<ServerSentEvent> {
  const ready: EventSourceMessage[] = []
  let isTooLong = false
  const parser = createParser({
    onEvent: (event) => ready.push(event),
    // Lines that mean nothing are passed over, as the standard says; a line without an end is the one fault that ends it.
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') isTooLong = true
    },
    maxBufferSize: MAX_EVENT_CHARACTERS,
  })
  const decoder = new TextDecoder()
  for await (const piece of body) {
    parser.feed(decoder.decode(piece, { stream: true }))
    for (const { event = 'message', data } of ready.splice(0)) yield { name: event, data }
    if (isTooLong)
      throw new ApiError('malformed', 'the event stream holds a line without an end', { endpoint })
  }
}
