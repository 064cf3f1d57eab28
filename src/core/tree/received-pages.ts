import type { RemoteEntry } from '../../remote/types.ts'

/**
 * Pages of a listing that goes on. What they name is there; of every other name nobody knows yet whether it is. Own changes since
 * the listing was asked for are applied to them too.
 */
export class ReceivedPages {
  /** By server name; of the attempt that is under way. */
  entries = new Map<string, RemoteEntry>()
  /** What pages brought, in their order; a new array with each attempt. Some of it may be gone by own changes. */
  arrived: RemoteEntry[] = []
  #growth = newSignal()

  /** The listing is asked for anew, from the start. */
  restart(): void {
    this.entries = new Map()
    this.arrived = []
  }

  /** `again` does own changes on the entries: what a page says may be older than they are. */
  add(page: readonly RemoteEntry[], again: (entries: Map<string, RemoteEntry>) => void): void {
    for (const entry of page) {
      this.entries.set(entry.name, entry)
      this.arrived.push(entry)
    }
    again(this.entries)
  }

  /** More pages follow: who waits for names need not wait for those. */
  announce(): void {
    const { resolve } = this.#growth
    this.#growth = newSignal()
    resolve()
  }

  /** Resolves with the next `announce`. */
  grown(): Promise<void> {
    return this.#growth.promise
  }
}

interface Signal {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

function newSignal(): Signal {
  const waiting: (() => void)[] = []
  return {
    promise: new Promise<void>((done) => void waiting.push(done)),
    resolve: () => waiting.forEach((done) => done()),
  }
}
