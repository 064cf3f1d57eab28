import { BandwidthLimit } from '../../src/base/bandwidth-limit.ts'
import type { Clock } from '../../src/base/clock.ts'

/** A bandwidth limit that tells how often somebody asked to pass. */
export class WatchedLimit extends BandwidthLimit {
  asked = 0

  constructor(clock: Clock, bytesPerSecond: number) {
    super(clock)
    this.bytesPerSecond = bytesPerSecond
  }

  override pass(bytes: number, onPass: () => void): () => void {
    this.asked += 1
    return super.pass(bytes, onPass)
  }
}
