import type { EntityId } from '../../src/remote/types.ts'
import { wireFile, type Exchange, type ScriptedServer } from './scripted-server.ts'

/** Small, so that a few kilobytes make several chunks. */
const CHUNK_BYTES = 1000
export const OLD_ENTITY = 'E-old' as EntityId
export const NEW_ENTITY = 'E-new' as EntityId
export const OTHER_ENTITY = 'E-other' as EntityId

/** The one file of these tests, as the server sees it. */
export class RemoteFile {
  exists = true
  entity: string = OLD_ENTITY
  bytes: Buffer = Buffer.from('old')
  mark: string | undefined
  readonly sessions: string[] = []
  readonly chunks = new Map<number, Buffer>()
  /** Contents that are kept, the newest first: that of an open session as well. */
  entities: string[] = [OLD_ENTITY]
  size = 0

  info = () => {
    if (!this.exists) return { code: 40016, msg: 'Path not exist' }
    const metadata = this.mark === undefined ? {} : { 'sys:upload_session_id': this.mark }
    const record = wireFile({ id: 'F1', size: this.bytes.length, primary_entity: this.entity, metadata })
    const entities = this.entities.map((id) => ({ id, type: 0, size: 0, created_at: '2026-01-01T00:00:00Z' }))
    return { data: { ...record, extended_info: { entities } } }
  }

  put = ({ body }: Exchange) => {
    this.store(body)
    return { data: wireFile({ id: 'F1', size: body.length, primary_entity: this.entity, metadata: null }) }
  }

  store(bytes: Buffer) {
    this.exists = true
    this.bytes = bytes
    this.entity = NEW_ENTITY
    this.mark = undefined
    if (!this.entities.includes(NEW_ENTITY)) this.entities.unshift(NEW_ENTITY)
  }

  open = ({ json }: Exchange, policy: Record<string, unknown> = {}) => {
    const id = `S${this.sessions.length + 1}`
    this.sessions.push(id)
    this.mark = id
    this.exists = true
    if (!this.entities.includes(NEW_ENTITY)) this.entities.unshift(NEW_ENTITY)
    this.size = json['size'] as number
    this.chunks.clear()
    const storage_policy = { id: 'P1', name: 'Default', type: 'local', max_size: 0, ...policy }
    const chunk_size = policy['relay'] === true ? 0 : CHUNK_BYTES
    return { data: { session_id: id, chunk_size, expires: 1, storage_policy, uri: 'cloudreve://my/a.txt' } }
  }

  chunk = ({ path, body }: Exchange) => {
    this.chunks.set(Number(path.split('/').at(-1)), body)
    const all = Buffer.concat([...this.chunks.entries()].sort(([a], [b]) => a - b).map(([, bytes]) => bytes))
    if (all.length === this.size) this.store(all)
    return {}
  }

  /** Somebody else saves, after what is there by now. */
  storeAsOther(bytes: Buffer) {
    this.bytes = bytes
    this.entity = OTHER_ENTITY
    this.entities.unshift(OTHER_ENTITY)
  }

  /** Nothing is kept but the current content. */
  keepsNothing() {
    this.entities = [this.entity]
  }

  cancel = () => {
    if (this.mark !== undefined) this.entities = this.entities.filter((id) => id !== NEW_ENTITY)
    this.mark = undefined
    return {}
  }
}

/** Lets `server` answer for `file` faithfully; tests put their faults on top. */
export function serveFile(server: ScriptedServer, file = new RemoteFile()): RemoteFile {
  server
    .on('GET /file/info', file.info)
    .on('PUT /file/content', file.put)
    .on('PUT /file/upload', (exchange) => file.open(exchange))
    .on('POST /file/upload/*/*', file.chunk)
    .on('DELETE /file/upload', file.cancel)
    .on('POST /file/url', () => {
      const url = `${server.origin}/api/v4/file/content/${file.entity}/0/a.txt?sign=x`
      return { data: { urls: [{ url }], expires: '2100-01-01T00:00:00Z' } }
    })
    .on('GET /file/content/*/0/*', ({ headers, response }) => {
      const [start = 0, end = 0] =
        /(\d+)-(\d+)/
          .exec(headers.range ?? '')
          ?.slice(1)
          .map(Number) ?? []
      response.writeHead(206, {
        'content-range': `bytes ${start}-${end}/${file.bytes.length}`,
        etag: `"${file.entity}"`,
      })
      response.end(file.bytes.subarray(start, end + 1))
      return undefined
    })
  return file
}
