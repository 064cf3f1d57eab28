/** Upyun's object store: a form with everything, of which the server hears after the answer (api/04 §6.5). */
import { ApiFailure } from '../failure.ts'
import type { Handler, Route } from '../router.ts'
import { upyunCredential } from './credential.ts'
import { readBody, strayHeader } from './body.ts'
import { finishAtStorage } from './finish.ts'
import { json } from './json.ts'

const upload: Handler = async (request) => {
  const { world, params, raw } = request
  const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(raw.headers['content-type'] ?? '')?.[1]
  if (boundary === undefined) return json(400, { code: 40_000_001, message: 'not a form' })
  const fields = fieldsOf(await readBody(request), boundary)
  const id = params['session']!
  const right = upyunCredential(world, { id })
  const isSigned =
    fields.get('authorization')?.toString() === right.credential &&
    fields.get('policy')?.toString() === right.upload_policy
  if (!isSigned || strayHeader(request)) return json(401, { code: 40_100_005, message: 'signature error' })
  const session = world.uploads.findAny(id)
  if (session && world.time.nowMs() >= session.expiresAtMs)
    return json(403, { code: 40_300_009, message: 'authorization has expired' })
  const isInOrder = [...fields.keys()].at(-1) === 'file'
  const isTyped = fields.get('content-type')?.toString() === right.mime_type
  const file = fields.get('file')
  if (!file || !isInOrder || !isTyped) return json(400, { code: 40_000_003, message: 'not accept form' })
  // It does not know the server's sessions: after one is over the same form stores the same object once more.
  if (session?.storage === 'upyun') {
    await world.entities.contents.write(session.write.entity.number, 0, file)
    session.storedBytes = file.length
    setImmediate(() => notify(() => finishAtStorage(world, session)))
  }
  return json(200, { code: 200, message: 'ok' })
}

/** What the server says of it nobody hears: the answer has left. */
function notify(finish: () => void): void {
  try {
    finish()
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error
  }
}

/** Fields of a form in their order; the last of two with one name counts. */
function fieldsOf(body: Buffer, boundary: string): Map<string, Buffer> {
  const fields = new Map<string, Buffer>()
  const separator = Buffer.from(`\r\n--${boundary}`)
  const whole = Buffer.concat([Buffer.from('\r\n'), body])
  for (let at = whole.indexOf(separator); at >= 0;) {
    const next = whole.indexOf(separator, at + separator.length)
    if (next < 0) break
    const field = whole.subarray(at + separator.length + 2, next)
    const headEnd = field.indexOf('\r\n\r\n')
    const name = /name="([^"]*)"/.exec(field.subarray(0, headEnd).toString())?.[1]
    if (headEnd >= 0 && name !== undefined) fields.set(name, field.subarray(headEnd + 4))
    at = next
  }
  return fields
}

export const upyunRoutes: Route[] = [
  { method: 'POST', pattern: '//storage/upyun/:session', name: 'POST /storage/upyun', handle: upload },
]
