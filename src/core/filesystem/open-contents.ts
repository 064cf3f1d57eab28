/** What programs have open of files that are about to be deleted or replaced at the server stays readable. */
import { isRemoteError } from '../../remote/errors.ts'
import { versionsKeptOf } from '../../remote/kept-versions.ts'
import type { Node } from '../inode/index.ts'
import type { FileContent } from '../write/index.ts'
import { bringHere } from './bring-here.ts'
import type { Core } from './core.ts'
import { discardContent } from './file-owner.ts'

/** A content that programs have open for reading. */
export interface OpenContent {
  readonly node: Node
  readonly content: FileContent
  /** Bytes of its base. @throws {RemoteError} */
  readonly read: (start: number, end: number, signal: AbortSignal) => Promise<Uint8Array>
}

/** Content of a file that is deleted while open is kept here up to this size; of larger ones the signed URL is kept alive. */
const deletedLimitBytes = 64 * 1024 ** 2
/** What an upload replaces for good is kept here up to this size. */
const replacedLimitBytes = 256 * 1024 ** 2
/** … and an upload waits for that no longer than this, ms. */
const uploadWaitsMs = 60_000

export class OpenContents {
  readonly #core: Core
  readonly #open: (isMeant: (node: Node) => boolean) => OpenContent[]
  /** How many uploads have replaced what such a node shows. */
  readonly #replaced = new WeakMap<Node, number>()

  constructor(core: Core, open: (isMeant: (node: Node) => boolean) => OpenContent[]) {
    this.#core = core
    this.#open = open
  }

  /**
   * Before a file that programs have open is deleted at the server: its bytes must stay readable. True when they are here now
   * as if they had been written, to be discarded if the file stays after all.
   * @throws {RemoteError} when the server does not hand them out: nothing of it is here then
   */
  async beforeDeleting(node: Node): Promise<boolean> {
    const { content } = node
    if (!content || content.isHere || !node.entry?.entity || content.sizeBytes === 0) return false
    const [open] = this.#open((other) => other === node)
    if (!open) return false
    const { signal } = new AbortController()
    if (content.sizeBytes > deletedLimitBytes) await open.read(0, 1, signal)
    else await this.#bringAll(open, signal)
    return content.isHere
  }

  /**
   * Before an upload of `node` replaces what the server has of it: what programs have open of older contents and the server is not
   * going to keep is brought here. The upload does not fail because of that.
   */
  async beforeReplacing(node: Node): Promise<void> {
    const lost = this.#olderThan(node).filter((open) => this.#isLost(open, node))
    if (lost.length === 0) return
    const { clock } = this.#core
    const late = new AbortController()
    const cancel = clock.after(uploadWaitsMs, () => late.abort(new Error('it took too long')))
    try {
      for (const open of lost) await this.#bring(open, late.signal)
    } finally {
      cancel()
    }
  }

  /** An upload of `node` has replaced what the server had of it. */
  replaced(node: Node): void {
    for (const { node: former } of this.#olderThan(node))
      this.#replaced.set(former, this.#replacedBefore(former) + 1)
  }

  /** What programs have open of earlier contents of the file; its nodes have lost their name to `node`. */
  #olderThan(node: Node): OpenContent[] {
    const { id } = node
    return id === undefined ? [] : this.#open((other) => other !== node && other.id === id)
  }

  #isLost({ node: former, content }: OpenContent, node: Node): boolean {
    if (content.base === 'absent' || content.baseSizeBytes === 0) return false
    if (content.baseSizeBytes > replacedLimitBytes) return false
    const name = node.remotePath?.at(-1) ?? ''
    return this.#replacedBefore(former) + 1 >= versionsKeptOf(name, this.#core.remote.facts.versions)
  }

  /** What somebody else has replaced was replaced once, at least. */
  #replacedBefore(former: Node): number {
    return this.#replaced.get(former) ?? (former.isVanished ? 1 : 0)
  }

  async #bringAll(open: OpenContent, signal: AbortSignal): Promise<void> {
    const { mtime } = open.node.unsent
    try {
      await bringHere(this.#core, open, signal)
    } catch (error) {
      await discardContent(open.node)
      open.node.unsent.mtime = mtime
      if (isRemoteError(error)) throw error
      this.#notKept(error)
    }
  }

  async #bring(open: OpenContent, signal: AbortSignal): Promise<void> {
    try {
      await bringHere(this.#core, open, signal)
    } catch (error) {
      this.#notKept(error)
    }
  }

  /** A full disk, or a server that is slow: that keeps nobody from deleting or saving. */
  #notKept(error: unknown): void {
    this.#core.log.warn('the content of an open file could not be kept', { error: String(error) })
  }
}
