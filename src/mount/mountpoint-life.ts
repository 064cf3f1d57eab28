import { stat } from 'node:fs/promises'
import { waitAtMost, type Clock } from '../base/clock.ts'
import { isDeadMountCode } from '../base/dead-mount.ts'

/** How long a mounted folder is given to say anything, ms: its attributes are known to whoever serves it. */
const ANSWER_MS = 5_000

/**
 * What a mounted folder says of the process behind it.
 * - `alive`: it answers, with its attributes or with an error that is none of our business
 * - `dead`: the kernel answers in its place that it is gone
 * - `silent`: nothing came in time: it is stopped, or it died with a thread that cannot end, or it was never there
 */
export type MountpointLife = 'alive' | 'dead' | 'silent'

export interface LifeProbes {
  readonly clock: Clock
  /** From the system unless a test says otherwise. */
  readonly stat?: (path: string) => Promise<unknown>
}

/** Asks the folder itself. Only where no process of ours is known to serve it: a living one may take its time. */
export async function lifeOf(mountpoint: string, probes: LifeProbes): Promise<MountpointLife> {
  const ask = probes.stat ?? stat
  const answered = ask(mountpoint).then(
    (): MountpointLife => 'alive',
    ({ code }: NodeJS.ErrnoException): MountpointLife => (isDeadMountCode(code) ? 'dead' : 'alive'),
  )
  const late = () => new Error(`${mountpoint} does not answer`)
  const inTime = waitAtMost(answered, { clock: probes.clock, deadlineMs: ANSWER_MS, late })
  // Being late is all that can go wrong: any error of the folder is an answer.
  return inTime.catch((): MountpointLife => 'silent')
}
