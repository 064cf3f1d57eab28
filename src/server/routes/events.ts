import { ApiFailure, invalid } from '../failure.ts'
import { find, isSingleFile, missing, placeOf } from '../files/place.ts'
import { requiredQuery } from '../http/fields.ts'
import type { Handler, Route } from '../router.ts'
import type { EventSink } from '../state/events.ts'
import { signedIn } from './user.ts'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** `GET /file/events`: server-sent events of a folder and all below it; errors are JSON instead of a stream. */
const events: Handler = (request) => {
  const { world, op, caller, response, query } = request
  signedIn(request)
  if (!world.settings.eventPush) throw new ApiFailure(40019)
  const uri = requiredQuery(query, 'uri')
  const { clientId } = caller
  if (clientId === undefined || !uuid.test(clientId)) throw invalid()
  const place = placeOf(op, uri)
  if (place.fs === 'trash') return { kind: 'text', status: 500, text: '' }
  if (isSingleFile(place)) throw new ApiFailure(403)
  const folder = find(op, place)
  if (!folder.isFolder) throw missing(place)
  response.writeHead(200, {
    'content-type': 'text/event-stream;charset=utf-8',
    'cache-control': 'no-cache',
    connection: 'keep-alive',
    'x-accel-buffering': 'no',
  })
  const sink: EventSink = {
    send: (event, data) => void response.write(`event:${event}\ndata:${data}\n\n`),
  }
  const unsubscribe = world.events.subscribe(folder, clientId, sink)
  response.once('close', unsubscribe)
  return { kind: 'taken' }
}

export const eventRoutes: Route[] = [{ method: 'GET', pattern: '/file/events', handle: events }]
