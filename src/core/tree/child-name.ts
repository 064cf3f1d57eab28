import type { Node } from '../inode/index.ts'
import type { FileKind } from '../types.ts'

/** One name of a folder. */
export interface ChildName {
  /** The server's. */
  readonly name: string
  readonly kind: FileKind
  /** 0 when no node stands for it yet. */
  readonly stableIno: number
}

export function nameOfLive(node: Node): ChildName {
  return { name: node.place!.name, kind: node.kind, stableIno: node.stableIno }
}
