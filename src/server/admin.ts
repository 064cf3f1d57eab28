import { createObject } from './files/create.ts'
import { deleteObjects } from './files/delete.ts'
import { findOrNothing, lockPlace, placeOf, type Op } from './files/place.ts'
import { putContent } from './files/put.ts'
import type { UserOptions } from './options.ts'
import type { LockHolder } from './state/locks.ts'
import { subtree, pathOf, type FileNode } from './state/tree.ts'
import type { User } from './state/users.ts'
import type { World } from './state/world.ts'
import { formatUri } from './uri.ts'

/** An object of a drive as tests compare it. */
export interface TreeEntry {
  /** `/a/b.txt`. */
  path: string
  id: string
  type: 'file' | 'folder'
  sizeBytes: number
  /** Id of the current version; undefined while there was never any content. */
  entityId: string | undefined
  /** ms since the epoch. */
  updatedAtMs: number
  metadata: Record<string, string>
}

/** Direct access to the server's state, past the API and its request log. Paths are `/a/b`, of the first user unless an address is given. */
export class Admin {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  addUser(options: UserOptions): void {
    this.#world.users.add(options)
  }

  /** The whole content of a file's current version. */
  async read(path: string, email?: string): Promise<Buffer> {
    const node = this.#find(path, email)
    const entity = node.current
    if (!entity) return Buffer.alloc(0)
    return this.#world.entities.read(entity, 0, entity.sizeBytes)
  }

  /** The bytes of a file as the storage has them. */
  async readStored(path: string, email?: string): Promise<Buffer> {
    const { number, sizeBytes } = this.#find(path, email).current!
    return this.#world.entities.contents.read(number, 0, sizeBytes)
  }

  exists(path: string, email?: string): boolean {
    return this.#findOrNothing(path, email) !== undefined
  }

  entry(path: string, email?: string): TreeEntry {
    return entryOf(this.#find(path, email))
  }

  /** Everything below a folder, parents before children. */
  tree(path = '/', email?: string): TreeEntry[] {
    const folder = this.#find(path, email)
    return [...subtree(folder)].filter((node) => node !== folder).map(entryOf)
  }

  /** Ids of the finished versions, oldest first. */
  versions(path: string, email?: string): string[] {
    const { entities } = this.#find(path, email)
    return entities.filter(({ type, uploadSessionId }) => type === 0 && !uploadSessionId).map(({ id }) => id)
  }

  /** Contents of the finished versions, oldest first. */
  versionContents(path: string, email?: string): Promise<Buffer[]> {
    const { contents } = this.#world.entities
    const finished = this.#find(path, email).entities.filter(
      ({ type, uploadSessionId }) => type === 0 && !uploadSessionId,
    )
    return Promise.all(finished.map(({ number, sizeBytes }) => contents.read(number, 0, sizeBytes)))
  }

  /** Original names of what lies in the trash. */
  trash(email?: string): string[] {
    const user = this.#user(email)
    return [...this.#world.tree.trash(user.number).values()].map(
      (node) => node.metadata.get('sys:restore_uri') ?? node.name,
    )
  }

  /** Writes a file as another client of the same user would, with events; folders are made. */
  async write(path: string, content: Buffer | string, email?: string): Promise<string> {
    const bytes = Buffer.from(content)
    const file = await putContent(this.#op(email), {
      uri: this.#uri(path),
      previous: undefined,
      sizeBytes: bytes.length,
      body: oneBuffer(bytes),
    })
    return file.primary_entity!
  }

  mkdir(path: string, email?: string): void {
    createObject(this.#op(email), { uri: this.#uri(path), isFolder: true })
  }

  /** Into the trash, as another client would. */
  remove(path: string, email?: string): void {
    const uris = [this.#uri(path)]
    deleteObjects(this.#op(email), { uris, isPermanent: false, unlink: false })
  }

  setQuota(totalBytes: number, email?: string): void {
    this.#user(email).totalBytes = totalBytes
  }

  usedBytes(email?: string): number {
    return this.#user(email).usedBytes
  }

  /** `max` counts the current version too; 0 = unlimited. */
  setRetention(retention: { enabled: boolean; max?: number; extensions?: string[] }, email?: string): void {
    Object.assign(this.#user(email).retention, retention)
  }

  /** All access tokens handed out so far count as expired: their bearers are anonymous. */
  expireAccessTokens(email?: string): void {
    this.#user(email).accessGeneration += 1
  }

  /** All refresh tokens handed out so far answer 40020. */
  revokeRefreshTokens(email?: string): void {
    this.#user(email).passwordGeneration += 1
  }

  setStatus(status: User['status'], email?: string): void {
    this.#user(email).status = status
  }

  /** Signed URLs handed out so far answer 40005. */
  expireUrls(): void {
    this.#world.urls.expireAll()
  }

  /** Upload sessions begun so far answer 40011, their locks are gone, their placeholders stay. */
  expireUploads(): void {
    this.#world.uploads.expireAll()
    this.#world.locks.releaseUploads()
  }

  /** Locks a path as another client would; call the result to release it. */
  holdLock(path: string, holder: LockHolder = 'viewer', email?: string): () => void {
    const node = this.#find(path, email)
    const tokens = this.#world.locks.acquire({ places: [lockPlace(this.#op(email), node)], holder })
    return () => this.#world.locks.release(tokens)
  }

  /** Number of locks held now; uploads that nobody finished show here. */
  get lockCount(): number {
    return this.#world.locks.size
  }

  /** The answer of a captcha that was handed out. */
  captchaAnswer(ticket: string): string | undefined {
    return this.#world.captchas.answerOf(ticket)
  }

  /** Ends all event streams' state as a restart does, without one. */
  forgetSubscribers(): void {
    this.#world.events.clear()
  }

  #user(email: string | undefined): User {
    const user = email === undefined ? this.#world.users.all()[0] : this.#world.users.byEmail(email)
    if (!user) throw new Error(`There is no user ${email ?? ''} on the embedded server.`)
    return user
  }

  #op(email: string | undefined): Op {
    return { world: this.#world, caller: { user: this.#user(email), clientId: undefined } }
  }

  #uri(path: string): string {
    return formatUri(
      'cloudreve://my',
      path.split('/').filter((element) => element !== ''),
    )
  }

  #findOrNothing(path: string, email: string | undefined): FileNode | undefined {
    const op = this.#op(email)
    return findOrNothing(op, placeOf(op, this.#uri(path)))
  }

  #find(path: string, email: string | undefined): FileNode {
    const node = this.#findOrNothing(path, email)
    if (!node) throw new Error(`There is no ${path} on the embedded server.`)
    return node
  }
}

function entryOf(node: FileNode): TreeEntry {
  return {
    path: `/${pathOf(node).join('/')}`,
    id: node.id,
    type: node.isFolder ? 'folder' : 'file',
    sizeBytes: node.current?.sizeBytes ?? 0,
    entityId: node.current?.id,
    updatedAtMs: node.updatedUs / 1000,
    metadata: Object.fromEntries(node.metadata),
  }
}

async function* oneBuffer(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes)
}
