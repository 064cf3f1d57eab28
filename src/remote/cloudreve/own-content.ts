/** Recognises what was sent from here where an answer was lost. */
import { Code } from '../../api/codes.ts'
import { isRefusal } from '../../api/errors.ts'
import type { Downloader } from '../../transfer/download.ts'
import { hasSameBytes } from '../../transfer/same-content.ts'
import type { RemoteEntry, UploadRequest } from '../types.ts'
import { uriOf, type MountContext } from './context.ts'

export class OwnContent {
  readonly #context: MountContext
  readonly #downloader: Downloader

  constructor(context: MountContext, downloader: Downloader) {
    this.#context = context
    this.#downloader = downloader
  }

  /**
   * Whether `entry`, which is at the path of the request, has exactly its bytes: they are read back. Nothing less is a proof. Size, time
   * and user can be those of another client's save, the server tells no digest, and equal bytes get a new id each time
   * (api/00-live-files §17.5). What is gone before it was read is not ours any more.
   * @throws {ApiError}; the signal's reason when it was aborted
   */
  async isIn(
    { entity, sizeBytes }: RemoteEntry,
    { path, source }: UploadRequest,
    signal?: AbortSignal,
  ): Promise<boolean> {
    if (entity === undefined) return false
    const subject = `/${path.join('/')}`
    const content = { uri: () => uriOf(this.#context, path), entity, sizeBytes, subject }
    try {
      return await hasSameBytes(this.#downloader, content, source, signal)
    } catch (error) {
      if (isRefusal(error, Code.entityGone, Code.pathNotFound)) return false
      throw error
    }
  }
}
