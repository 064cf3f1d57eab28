/**
 * How upload sessions begin. Servers before 4.11 want to be told the storage policy, and look at no `previous` (api/06 §1.2): it is
 * compared here, right before. What they are is seen from what they refuse, because versions are not told reliably.
 */
import { Code } from '../../api/codes.ts'
import { listFolder } from '../../api/endpoints/files.ts'
import { createUploadSession } from '../../api/endpoints/uploads.ts'
import { isRefusal } from '../../api/errors.ts'
import type { WireUploadSession } from '../../api/schema.ts'
import { RemoteError } from '../errors.ts'
import type { RemotePath, UploadRequest } from '../types.ts'
import { expectedEntity, uriOf, type MountContext } from './context.ts'
import { presentFile } from './present-file.ts'

export class SessionOpening {
  readonly #context: MountContext
  #isOld = false

  constructor(context: MountContext) {
    this.#context = context
  }

  /** @throws {ApiError} the server's refusal. @throws {RemoteError} `stale` when an older server has something else by now */
  async open(request: UploadRequest): Promise<WireUploadSession> {
    if (this.#isOld) return this.#openAtOld(request)
    try {
      return await this.#create(request)
    } catch (error) {
      if (!isRefusal(error, Code.badParameter)) throw error
      const session = await this.#openAtOld(request)
      this.#isOld = true
      this.#context.log.info(
        'the server is older than 4.11: what is replaced is compared before each large upload',
      )
      return session
    }
  }

  async #openAtOld(request: UploadRequest): Promise<WireUploadSession> {
    const policyId = await this.#policyFor(request.path.slice(0, -1))
    const { noContent } = this.#context
    const present = (await presentFile(this.#context, request.path))?.primary_entity ?? noContent
    if (present !== '' && present !== expectedEntity(this.#context, request))
      throw new RemoteError('stale', `/${request.path.join('/')} was changed by somebody else meanwhile`)
    return this.#create(request, policyId)
  }

  #create(request: UploadRequest, policyId?: string): Promise<WireUploadSession> {
    const { path, source, modifiedAtMs, metadata } = request
    const previous = expectedEntity(this.#context, request)
    const { sizeBytes } = source
    return createUploadSession(this.#context.client, uriOf(this.#context, path), {
      sizeBytes,
      previous,
      modifiedAtMs,
      metadata,
      policyId,
    })
  }

  /** Of the nearest folder above that is there: the others are made by the upload. */
  async #policyFor(folder: RemotePath): Promise<string | undefined> {
    const { client } = this.#context
    try {
      const { storage_policy: policy } = await listFolder(client, uriOf(this.#context, folder), {
        pageSize: 1,
      })
      return policy?.id
    } catch (error) {
      if (folder.length === 0 || !isRefusal(error, Code.pathNotFound)) throw error
      return this.#policyFor(folder.slice(0, -1))
    }
  }
}
