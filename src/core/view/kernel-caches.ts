import type { KernelCache } from '../ports.ts'

/** The kernel's caches of all mounts of a drive, as one. */
export class KernelCaches implements KernelCache {
  readonly #kernels = new Set<KernelCache>()

  /** The returned function takes it away again. */
  add(kernel: KernelCache): () => void {
    this.#kernels.add(kernel)
    return () => this.#kernels.delete(kernel)
  }

  /** All but one, which need not be there yet. */
  except(kernel: () => KernelCache): KernelCache {
    const others = (tell: (other: KernelCache) => void) => {
      if (this.#kernels.size > 1) for (const other of this.#kernels) if (other !== kernel()) tell(other)
    }
    return {
      invalidateInode: (...args) => others((other) => other.invalidateInode(...args)),
      invalidateAttributes: (...args) => others((other) => other.invalidateAttributes(...args)),
      expireEntry: (...args) => others((other) => other.expireEntry(...args)),
      deleteEntry: (...args) => others((other) => other.deleteEntry(...args)),
    }
  }

  invalidateInode(...args: Parameters<KernelCache['invalidateInode']>): void {
    for (const kernel of this.#kernels) kernel.invalidateInode(...args)
  }

  invalidateAttributes(...args: Parameters<KernelCache['invalidateAttributes']>): void {
    for (const kernel of this.#kernels) kernel.invalidateAttributes(...args)
  }

  expireEntry(...args: Parameters<KernelCache['expireEntry']>): void {
    for (const kernel of this.#kernels) kernel.expireEntry(...args)
  }

  deleteEntry(...args: Parameters<KernelCache['deleteEntry']>): void {
    for (const kernel of this.#kernels) kernel.deleteEntry(...args)
  }
}
