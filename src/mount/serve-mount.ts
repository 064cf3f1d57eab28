import { delay, type Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { AccountClaim, claimAccount } from './account-claim.ts'
import { AccountService } from './account-service.ts'
import { handOver, watchMount, type WatchParts } from './hand-over.ts'
import type { AccountHost } from './host/account-host.ts'
import { realMountpoint } from './real-mountpoint.ts'
import { exitCodes, MountError, type ControlClient, type MountSpec } from './spec.ts'
import { stayAwake } from './stay-awake.ts'

/** So often is another process asked that cannot take the mount because it is about to end, and so long is waited between, ms. */
const ENDING_TRIES = 25
const ENDING_PAUSE_MS = 200

export interface ServeParts extends WatchParts {
  /** Signs in to the account of a mount. */
  readonly host: (spec: MountSpec) => Promise<AccountHost>
  readonly clock: Clock
  readonly log: Log
  /** What whoever wants the mount should know: why it takes longer, what an earlier one left behind. */
  readonly onNote: (sentence: string) => void
  /** Programs can use the folder, which this process serves. */
  readonly onReady: (pid: number) => void
  /** Whether this process lives as long as the mount, even when another one serves it: it is in the foreground. */
  readonly isForeground: boolean
}

/**
 * Serves a mount from beginning to end, and all others of its account that are asked for meanwhile, in the process that
 * calls it; or has it served by the process that serves the account already. Resolves with an exit code when everything is
 * over.
 *
 * @throws an error whose message is a sentence for a person, when the mount cannot be made.
 */
export async function serveMount(asked: MountSpec, parts: ServeParts): Promise<number> {
  const fallAsleep = stayAwake()
  try {
    const spec = { ...asked, mountpoint: await realMountpoint(asked.mountpoint) }
    const taken = await serveOrHandOver(spec, parts)
    if (typeof taken === 'number') return taken
    try {
      parts.onReady(taken.pid)
      const isWanted = parts.isForeground || parts.stops.stop.aborted
      return isWanted ? await watchMount(taken.client, parts) : exitCodes.ok
    } finally {
      taken.client.close()
    }
  } finally {
    fallAsleep()
  }
}

interface HandedOver {
  readonly client: ControlClient
  readonly pid: number
}

async function serveOrHandOver(spec: MountSpec, parts: ServeParts): Promise<number | HandedOver> {
  const host = await parts.host(spec)
  try {
    for (let triesLeft = ENDING_TRIES; ; triesLeft -= 1) {
      const claim = await claimFor(spec, host, parts)
      if (claim instanceof AccountClaim) return await serveAccount(spec, { ...parts, host, claim })
      const client = await handOverUnlessEnding(claim.holder, spec, parts.onNote)
      if (!(client instanceof MountError)) return { client, pid: claim.holder.pid }
      if (triesLeft === 0) throw client
      await delay(parts.clock, ENDING_PAUSE_MS, parts.stops.stop)
    }
  } finally {
    await host.close()
  }
}

/** Answers the error when the other process is about to end: the account will be free. */
async function handOverUnlessEnding(
  ...call: Parameters<typeof handOver>
): Promise<ControlClient | MountError> {
  try {
    return await handOver(...call)
  } catch (error) {
    if (error instanceof MountError && error.kind === 'ending') return error
    throw error
  }
}

function claimFor({ runtimeFolder }: MountSpec, host: AccountHost, parts: ServeParts) {
  const { accountId, account } = host
  const { clock, onNote: onWaiting, stops } = parts
  return claimAccount({ accountId, account, runtimeFolder, clock, onWaiting, signal: stops.stop })
}

type ServiceParts = Omit<ServeParts, 'host'> & { readonly host: AccountHost; readonly claim: AccountClaim }

async function serveAccount(spec: MountSpec, parts: ServiceParts): Promise<number> {
  const { claim, onNote, onReady } = parts
  try {
    const service = await AccountService.start(parts)
    try {
      await service.mount(spec, onNote)
      onReady(process.pid)
      return await service.run()
    } finally {
      await service.close()
    }
  } finally {
    await claim.release()
  }
}
