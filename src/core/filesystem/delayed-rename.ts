import type { Node, NodePlace } from '../inode/index.ts'

/** A rename or move that waits to be sent. */
export interface Delayed {
  cancelTimer: () => void
  /** Where the server has it: kept in memory with it. */
  held: Node | undefined
  /** Where the server had it before anything was sent, or somebody else has put it since. */
  origin: NodePlace | undefined
  settling: Promise<void> | undefined
  failures: number
  /** How often the server refused it, under one name and another. */
  refusals: number
  replaced: Replaced | undefined
}

/** A file that the server never had, and that something else was renamed over. */
export interface Replaced {
  /** That is done. */
  readonly letGo: () => void
  /** The server refuses it: programs see the file again. */
  readonly showAgain: () => void
}
