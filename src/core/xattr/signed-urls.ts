import type { Clock } from '../../base/clock.ts'
import type { RemoteFacts } from '../../remote/remote.ts'
import type { RemoteEntry, RemotePath } from '../../remote/types.ts'
import { answered, RecentAnswers } from './recent.ts'

type Asked = Promise<string | undefined>

const askedFor: Readonly<
  Record<string, (remote: RemoteFacts, path: RemotePath, entry: RemoteEntry) => Asked>
> = {
  url: (remote, path) => remote.contentUrl(path),
  thumbnail: (remote, path, entry) => remote.thumbnailUrl(path, entry),
}

/**
 * The facts that are addresses at which anybody can read a file, or see what it looks like. Whoever has one needs no sign-in: they are
 * told to who mounts alone, and no listing of attributes names them, or each backup would keep them.
 */
export class SignedUrls {
  readonly #remote: RemoteFacts
  readonly #recent: RecentAnswers<Asked>

  constructor(remote: RemoteFacts, clock: Clock) {
    this.#remote = remote
    this.#recent = new RecentAnswers(clock)
  }

  static has(name: string): boolean {
    return Object.hasOwn(askedFor, name)
  }

  /** Undefined where there is none. A program asks twice, for the length first: that is one request. */
  async get(name: string, entry: RemoteEntry, path: RemotePath): Promise<string | undefined> {
    const ask = askedFor[name]
    if (!ask || entry.kind !== 'file' || entry.entity === undefined) return undefined
    return answered(this.#recent, entry, name, () => ask(this.#remote, path, entry))
  }
}
