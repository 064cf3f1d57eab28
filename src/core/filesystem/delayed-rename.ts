import { backoffMs } from '../../base/backoff.ts'
import { samePlace, type Node, type NodePlace } from '../inode/index.ts'
import type { Core } from './core.ts'

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

/** Before what could not be sent is sent again, ms: the longer, the more often that has failed. */
export function nextTryInMs(delayed: Delayed): number {
  const delayMs = backoffMs(delayed.failures, { firstMs: 10_000, maxMs: 300_000 })
  delayed.failures += 1
  return delayMs
}

/** Programs see it elsewhere than the server has it. */
export function isWanted(
  node: Node,
): node is Node & { readonly place: NodePlace; readonly remotePlace: NodePlace } {
  const { place, remotePlace } = node
  return place !== undefined && remotePlace !== undefined && !samePlace(place, remotePlace)
}

/** What was renamed has not taken the place of the other. */
export function showReplaced(delayed: Delayed): void {
  delayed.replaced?.showAgain()
  delayed.replaced = undefined
}

/** Keeps the folder in memory that the server has `node` in now, and no other. */
export function holdFolder({ tree }: Core, node: Node, delayed: Delayed): void {
  const former = delayed.held
  delayed.held = node.remotePlace?.parent
  if (delayed.held) delayed.held.pins += 1
  if (!former) return
  former.pins -= 1
  tree.table.release(former)
}
