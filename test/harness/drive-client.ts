/**
 * A second, small client of a Cloudreve drive: how the suites look at the server without going through the product. It works
 * with the embedded server and with a real one. Wire: api/02 §3.2, api/03 §3.
 */
import { createHash } from 'node:crypto'
import { PosixError } from '../conformance/engine.ts'

export interface Credentials {
  /** Origin: `http://127.0.0.1:5212`. */
  readonly url: string
  readonly email: string
  readonly password: string
}

export interface DriveEntry {
  readonly id: string
  readonly name: string
  readonly kind: 'file' | 'folder'
  readonly sizeBytes: number
  /** Id of the current content. */
  readonly entity: string
  readonly metadata: Readonly<Record<string, string>>
  readonly updatedAt: string
}

interface WireFile {
  readonly id: string
  readonly name: string
  readonly type: number
  readonly size?: number
  readonly primary_entity?: string
  readonly metadata?: Record<string, string> | null
  readonly updated_at: string
  readonly extended_info?: { readonly entities?: readonly { readonly type: number }[] | null }
}

interface Envelope {
  readonly code: number
  readonly msg?: string
  readonly data?: unknown
}

interface Sending {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
}

/** Codes that mean "no such object" (api/01 §4). */
const missing = new Set([404, 40016])
const pageSize = 1000
/** Of a walk, the most that a server gives at once. */
const subtreePageSize = 2000
/** A condition that every object meets makes a listing recursive (api/00-live §3). */
const everything = '?created_gte=1&created_lte=4102444800'

export class DriveClient {
  readonly origin: string
  readonly #credentials: Credentials
  #token: Promise<string> | undefined

  constructor(credentials: Credentials) {
    this.origin = credentials.url
    this.#credentials = credentials
  }

  /** The whole folder. (No folder of the suites has so many folders that the page defect could show.) */
  list(path: string): Promise<readonly DriveEntry[]> {
    return this.#pages(uriOf(path), pageSize)
  }

  /** Everything below a folder, at any depth. */
  async listSubtree(path: string): Promise<readonly DriveEntry[]> {
    const entries = await this.#pages(`${uriOf(path)}${everything}`, subtreePageSize)
    // A page begins with the last object of the one before.
    return [...new Map(entries.map((entry) => [entry.id, entry])).values()]
  }

  async #pages(uri: string, size: number): Promise<readonly DriveEntry[]> {
    const entries: DriveEntry[] = []
    let token: string | undefined
    do {
      const query = new URLSearchParams({
        uri,
        page_size: String(size),
        order_by: 'created_at',
        order_direction: 'asc',
        ...(token !== undefined && { next_page_token: token }),
      })
      const page = (await this.call('GET', `/file?${query.toString()}`)) as {
        readonly files?: readonly WireFile[] | null
        readonly pagination?: { readonly next_token?: string } | null
      }
      entries.push(...(page.files ?? []).map(entryOf))
      token = page.pagination?.next_token
    } while (token)
    return entries
  }

  async info(path: string): Promise<DriveEntry & { readonly versions: number }> {
    const query = new URLSearchParams({ uri: uriOf(path), extended: 'true' })
    const file = (await this.call('GET', `/file/info?${query.toString()}`)) as WireFile
    const versions = (file.extended_info?.entities ?? []).filter(({ type }) => type === 0).length
    return { ...entryOf(file), versions }
  }

  async url(path: string): Promise<string> {
    return (await this.urls([path]))[0]!
  }

  /** In their order, by one call. */
  async urls(paths: readonly string[]): Promise<readonly string[]> {
    const answer = (await this.call('POST', '/file/url', { uris: paths.map(uriOf) })) as {
      readonly urls: readonly { readonly url: string }[]
    }
    return answer.urls.map(({ url }) => url)
  }

  async bytes(path: string): Promise<Buffer> {
    // A file that never had content has no URL that serves anything.
    const { sizeBytes } = await this.info(path)
    if (sizeBytes === 0) return Buffer.alloc(0)
    const response = await fetch(await this.url(path))
    if (!response.ok) throw new Error(`GET of the content of ${path} answered ${response.status}`)
    const bytes = Buffer.from(await response.arrayBuffer())
    if (bytes.length !== sizeBytes) {
      throw new Error(`the content of ${path} is ${bytes.length} bytes, its entry says ${sizeBytes}`)
    }
    return bytes
  }

  async sha256(path: string): Promise<string> {
    return createHash('sha256')
      .update(await this.bytes(path))
      .digest('hex')
  }

  /** Creates or replaces; missing folders are made. */
  async put(path: string, content: string | Uint8Array): Promise<DriveEntry> {
    const bytes = Buffer.from(content as string)
    const target = `/file/content?uri=${encodeURIComponent(uriOf(path))}`
    return entryOf((await this.send('PUT', target, bytes)) as WireFile)
  }

  /** For a new file, or a new version of one that is there; locks the path. Its chunks go to `/file/upload/<session>/<index>`. */
  async openSession(
    path: string,
    size: number,
    { isVersion = false } = {},
  ): Promise<{ sessionId: string; chunkBytes: number }> {
    const kind = isVersion ? { entity_type: 'version' } : {}
    const answer = await this.call('PUT', '/file/upload', { uri: uriOf(path), size, ...kind })
    const { session_id: sessionId, chunk_size: chunkBytes } = answer as {
      readonly session_id: string
      readonly chunk_size: number
    }
    return { sessionId, chunkBytes }
  }

  async cancelSession(path: string, id: string): Promise<void> {
    await this.call('DELETE', '/file/upload', { uri: uriOf(path), id })
  }

  async createFolder(path: string): Promise<DriveEntry> {
    const request = { uri: uriOf(path), type: 'folder', err_on_conflict: true }
    return entryOf((await this.call('POST', '/file/create', request)) as WireFile)
  }

  async rename(path: string, newName: string): Promise<void> {
    await this.call('POST', '/file/rename', { uri: uriOf(path), new_name: newName })
  }

  async remove(path: string): Promise<void> {
    await this.call('DELETE', '/file', { uris: [uriOf(path)], skip_soft_delete: true })
  }

  /** Data of the answer's envelope. */
  call(method: string, target: string, json?: unknown): Promise<unknown> {
    if (json === undefined) return this.send(method, target)
    return this.send(method, target, Buffer.from(JSON.stringify(json)), 'application/json')
  }

  /** A session that the server does not know any more is begun anew, once: tests expire tokens under everybody's feet. */
  async send(
    method: string,
    target: string,
    body?: Buffer,
    type = 'application/octet-stream',
  ): Promise<unknown> {
    const request = { method, headers: body ? { 'content-type': type } : {}, body }
    try {
      return await this.#sendSigned(target, request)
    } catch (error) {
      if (error instanceof PosixError || this.#token === undefined) throw error
      this.#token = undefined
      return this.#sendSigned(target, request)
    }
  }

  async #sendSigned(target: string, { method, headers, body }: Sending): Promise<unknown> {
    this.#token ??= this.#signIn()
    return this.#exchange(target, {
      method,
      headers: { ...headers, authorization: `Bearer ${await this.#token}` },
      ...(body && { body: new Uint8Array(body) }),
    })
  }

  async #signIn(): Promise<string> {
    const { email, password } = this.#credentials
    const answer = (await this.#exchange('/session/token', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    })) as { readonly token: { readonly access_token: string } }
    return answer.token.access_token
  }

  async #exchange(target: string, request: RequestInit): Promise<unknown> {
    const response = await fetch(`${this.origin}/api/v4${target}`, request)
    const { code, msg, data } = (await response.json()) as Envelope
    if (code === 0) return data
    const subject = `${request.method} ${target.split('?')[0]}: ${code} ${msg ?? ''}`
    if (missing.has(code)) throw new PosixError('ENOENT', subject)
    throw new Error(`the server refused ${subject}`)
  }
}

/** `a/b` below the root of the drive, each element percent-encoded by hand (api/01 §7). */
export function uriOf(path: string): string {
  const elements = path.split('/').filter((element) => element !== '')
  return ['cloudreve://my', ...elements.map(encodeURIComponent)].join('/')
}

function entryOf(file: WireFile): DriveEntry {
  return {
    id: file.id,
    name: file.name,
    kind: file.type === 1 ? 'folder' : 'file',
    sizeBytes: file.size ?? 0,
    entity: file.primary_entity ?? '',
    metadata: file.metadata ?? {},
    updatedAt: file.updated_at,
  }
}
