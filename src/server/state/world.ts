import { Ids } from '../ids.ts'
import type { Settings } from '../options.ts'
import { ServerTime } from '../times.ts'
import { Activities } from './activities.ts'
import { Captchas } from './captchas.ts'
import { FolderContents, MemoryContents } from './contents.ts'
import { EntityStore } from './entities.ts'
import { Events } from './events.ts'
import { Locks } from './locks.ts'
import { Shares } from './shares.ts'
import { Tokens } from './tokens.ts'
import { Tree } from './tree.ts'
import { TwoFactorSessions } from './two-factor.ts'
import { Uploads } from './uploads.ts'
import { UrlSigner } from './url-signer.ts'
import { Users, type User } from './users.ts'

/** Everything that the server knows. Routes and file operations work on it; nothing else keeps state. */
export class World {
  readonly settings: Settings
  readonly time: ServerTime
  readonly ids: Ids
  readonly users: Users
  readonly tokens: Tokens
  readonly twoFactor: TwoFactorSessions
  readonly captchas: Captchas
  readonly tree: Tree
  readonly entities: EntityStore
  readonly locks: Locks
  readonly uploads: Uploads
  readonly shares: Shares
  readonly events: Events
  readonly activities: Activities
  readonly urls: UrlSigner
  /** Origin of URLs that are handed out; set when the server listens. */
  origin = ''

  constructor(settings: Settings) {
    this.settings = settings
    this.time = new ServerTime(settings.clock)
    this.ids = new Ids(settings.secret)
    this.users = new Users(this.ids, settings, this.time)
    this.tokens = new Tokens(settings, this.time, this.users)
    this.twoFactor = new TwoFactorSessions(this.time)
    this.captchas = new Captchas(settings.captchaAnswer)
    this.tree = new Tree(this.ids, this.time)
    const contents = settings.contentFolder
      ? new FolderContents(settings.contentFolder)
      : new MemoryContents()
    this.entities = new EntityStore(this.ids, contents)
    this.locks = new Locks(this.time)
    this.uploads = new Uploads(this.time)
    this.shares = new Shares(this.ids, this.time)
    this.events = new Events(this.time, settings)
    this.activities = new Activities(this.time, settings.pro)
    this.urls = new UrlSigner(settings, this.time)
    for (const user of settings.users) this.users.add(user)
  }

  /** What a restart of the process loses: locks and events always, sessions and sign-outs unless it was a clean one. */
  forgetVolatile(kind: 'clean' | 'kill'): void {
    this.locks.clear()
    this.events.clear()
    if (kind === 'clean') return
    this.uploads.clear()
    this.tokens.forgetSignOuts()
  }
}

/** Who made a request; no user is the anonymous one. */
export interface Caller {
  user: User | undefined
  /** `X-Cr-Client-Id`: its own changes are not sent to its own event stream. */
  clientId: string | undefined
}
