/** How fast the process may send and fetch contents: limits that all its mounts share. */
import { BandwidthLimit } from '../base/bandwidth-limit.ts'
import type { Clock } from '../base/clock.ts'
import type { MountOptions } from '../config/options.ts'

/** Bytes a second, 0 = no limit. */
export type AskedLimits = Pick<MountOptions, 'uploadBytesPerSecond' | 'downloadBytesPerSecond'>

export class TransferLimits {
  readonly upload: BandwidthLimit
  readonly download: BandwidthLimit
  /** What each mount wants. */
  readonly #asked = new Map<unknown, AskedLimits>()

  constructor(clock: Clock) {
    this.upload = new BandwidthLimit(clock)
    this.download = new BandwidthLimit(clock)
  }

  /** `mount` wants this from now on. */
  ask(mount: unknown, { uploadBytesPerSecond, downloadBytesPerSecond }: AskedLimits): void {
    this.#asked.set(mount, { uploadBytesPerSecond, downloadBytesPerSecond })
    this.#apply()
  }

  /** `mount` is gone. */
  forget(mount: unknown): void {
    this.#asked.delete(mount)
    this.#apply()
  }

  /** In effect now. */
  get current(): AskedLimits {
    return {
      uploadBytesPerSecond: this.upload.bytesPerSecond,
      downloadBytesPerSecond: this.download.bytesPerSecond,
    }
  }

  #apply(): void {
    const asked = [...this.#asked.values()]
    this.upload.bytesPerSecond = strictest(asked.map((limits) => limits.uploadBytesPerSecond))
    this.download.bytesPerSecond = strictest(asked.map((limits) => limits.downloadBytesPerSecond))
  }
}

function strictest(limits: readonly number[]): number {
  const real = limits.filter((limit) => limit > 0)
  return real.length === 0 ? 0 : Math.min(...real)
}
