import { Errno } from '../../base/errno.ts'
import { isRemoteError } from '../../remote/errors.ts'
import { errnoOfRemote, FsError, toFsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import type { AttributeSender } from './attribute-sender.ts'
import { pinned, type Core } from './core.ts'
import type { Creations } from './creations.ts'
import type { Removals } from './removals.ts'
import type { RenameDelay } from './rename-delay.ts'

export interface ArrivalParts {
  readonly renames: RenameDelay
  readonly removals: Removals
  readonly attributes: AttributeSender
  readonly creations: Creations
}

/** Lets programs wait until the server has what they did (`--sync`). Whatever comes of it, what was done is kept here. */
export class Arrival {
  readonly #core: Core
  readonly #renames: RenameDelay
  readonly #removals: Removals
  readonly #attributes: AttributeSender
  readonly #creations: Creations

  constructor(core: Core, parts: ArrivalParts) {
    this.#core = core
    this.#renames = parts.renames
    this.#removals = parts.removals
    this.#attributes = parts.attributes
    this.#creations = parts.creations
  }

  /** As `of`, where every change of a name or without an open file is waited for. */
  async afterChange(node: Node, signal: AbortSignal): Promise<void> {
    if (this.#core.options.sync === 'close') await this.of(node, signal)
  }

  /** As `afterChange`, of attributes. Those of a file that is being written travel with its content, which its close waits for. */
  async afterAttributes(node: Node, signal: AbortSignal): Promise<void> {
    if (!node.isLocal || node.writers === 0) await this.afterChange(node, signal)
  }

  /**
   * Sends the content of `node`, and a rename and attributes of it that wait, and resolves when the server has all of them. It may
   * take as long as the server goes on taking something.
   * @throws {FsError} EINTR; of an upload that was given up; of what was in the way when patience was over
   */
  async of(node: Node, signal: AbortSignal): Promise<void> {
    const send = async (progress: () => void) => {
      await this.#creations.settle(node)
      await this.#renames.settle(node)
      await node.content?.flushNow(signal, progress)
      await this.#removals.settleLeftBy(node)
      await this.#attributes.settle(node)
    }
    try {
      // A name that the server refuses to delete comes back: it must be this node's.
      await pinned(this.#core, [node], () => this.#core.patience.run(node.label, send, signal))
    } catch (error) {
      throw isRemoteError(error, 'unknown-outcome') ? this.#late(node, error) : toFsError(error, node.label)
    }
  }

  /** As `of`, for the names in and below `folder` that wait, and for its own attributes. */
  async ofNamesIn(folder: Node, signal: AbortSignal): Promise<void> {
    const send = async (progress: () => void) => {
      await this.#creations.settleWithin(folder)
      const heirs = this.#removals.heirsWithin(folder)
      await Promise.all(heirs.map(async ({ content }) => content?.flushNow(signal, progress)))
      await this.#renames.settleWithin(folder)
      await this.#attributes.settle(folder)
    }
    try {
      await this.#core.patience.run(folder.label, send, signal)
    } catch (error) {
      throw toFsError(error, folder.label)
    }
  }

  #late({ content, label }: Node, cause: Error): FsError {
    const { detail } = content?.sync ?? {}
    const { trouble } = content ?? {}
    const errno = trouble
      ? errnoOfRemote(trouble.kind)
      : detail === undefined
        ? Errno.EIO
        : Errno.EHOSTUNREACH
    const why = detail ?? 'the server does not answer'
    return new FsError(errno, `${label} is not on the server yet, and goes there later: ${why}`, {
      cause,
      level: 'warn',
    })
  }
}
