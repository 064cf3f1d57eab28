/** Addresses for who has no sign-in: of a content, and of a small picture of it. */
import { downloadUrls, thumbnailUrl } from '../../api/endpoints/files.ts'
import { thumbnailConfig } from '../../api/endpoints/site.ts'
import { Code } from '../../api/codes.ts'
import { isRefusal } from '../../api/errors.ts'
import { RemoteError } from '../errors.ts'
import { extensionOf } from '../extension.ts'
import type { CallOptions } from '../remote.ts'
import type { RemoteEntry, RemotePath } from '../types.ts'
import { uriOf, type MountContext } from './context.ts'
import { asRemote } from './map-error.ts'

/** On a file of which the server could make no picture: it is not to be asked again (api/03 §12). */
const NO_PICTURE = 'thumb:disabled'

export class CloudreveUrls {
  readonly #context: MountContext
  /** Extensions of files that the server makes pictures of; asked for when the first one is wanted. */
  #pictured: Promise<ReadonlySet<string>> | undefined

  constructor(context: MountContext) {
    this.#context = context
  }

  /** Made anew, so that it is good for as long as the server allows. */
  content(path: RemotePath, { signal }: CallOptions = {}): Promise<string> {
    return asRemote(async () => {
      const uri = uriOf(this.#context, path)
      const [url] = (await downloadUrls(this.#context.client, [uri], { fresh: true, signal })).urls
      if (!url) throw new RemoteError('protocol', `/${path.join('/')}: the server gave no address`)
      return url
    }, signal)
  }

  /** Asking marks a file of which no picture can be made, so only those are asked for that the server says it can do. */
  thumbnail(
    path: RemotePath,
    { metadata }: Pick<RemoteEntry, 'metadata'>,
    { signal }: CallOptions = {},
  ): Promise<string | undefined> {
    return asRemote(async () => {
      const extension = extensionOf(path.at(-1) ?? '')
      if (extension === '' || metadata[NO_PICTURE] !== undefined) return undefined
      if (!(await this.#extensions()).has(extension)) return undefined
      try {
        return await thumbnailUrl(this.#context.client, uriOf(this.#context, path), { signal })
      } catch (error) {
        if (isRefusal(error, Code.entityGone, Code.unclassified)) return undefined
        throw error
      }
    }, signal)
  }

  #extensions(): Promise<ReadonlySet<string>> {
    this.#pictured ??= thumbnailConfig(this.#context.client).then(
      ({ thumb_exts }) => new Set(thumb_exts ?? []),
    )
    return this.#pictured.catch((error: unknown) => {
      this.#pictured = undefined
      throw error
    })
  }
}
