import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { claimAccount, type AccountClaim } from './account-claim.ts'
import type { Compose, Composition, Prepared } from './composition.ts'
import { ControlServer } from './control.ts'
import { MountLife } from './mount-life.ts'
import { realMountpoint } from './real-mountpoint.ts'
import { recoverMountpoint } from './recover-mountpoint.ts'
import type { ControlMethods, Json, MountSpec } from './spec.ts'
import { stayAwake } from './stay-awake.ts'
import type { StopRequests } from './stop-requests.ts'

export interface ServeParts {
  readonly compose: Compose
  readonly clock: Clock
  readonly log: Log
  readonly stops: StopRequests
  /** What whoever wants the mount should know: why it takes longer, what an earlier one left behind. */
  readonly onNote: (sentence: string) => void
  /** Programs can use the folder. */
  readonly onReady: () => void
  /** While what was written is sent, after the folder is gone. */
  readonly onDrain: (event: Json) => void
}

/**
 * Serves one mount from beginning to end, in the process that calls it; that process must not touch the mounted folder.
 * Resolves with an exit code when everything is over.
 *
 * @throws an error whose message is a sentence for a person, when the mount cannot be made.
 */
export async function serveMount(asked: MountSpec, parts: ServeParts): Promise<number> {
  const fallAsleep = stayAwake()
  try {
    const spec = { ...asked, mountpoint: await realMountpoint(asked.mountpoint) }
    const prepared = await parts.compose(spec, parts)
    try {
      const claim = await claimFor(spec, prepared, parts)
      return await serveClaimed(spec, prepared, { ...parts, claim })
    } finally {
      await prepared.close?.()
    }
  } finally {
    fallAsleep()
  }
}

function claimFor(spec: MountSpec, prepared: Prepared, parts: ServeParts): Promise<AccountClaim> {
  const { accountId, account } = prepared
  const { mountpoint, runtimeFolder } = spec
  const { clock, onNote: onWaiting, stops } = parts
  return claimAccount({ accountId, account, mountpoint, runtimeFolder, clock, onWaiting, signal: stops.stop })
}

async function serveClaimed(
  spec: MountSpec,
  prepared: Prepared,
  parts: ServeParts & { claim: AccountClaim },
): Promise<number> {
  const { claim, log } = parts
  const cleanups: (() => Promise<void>)[] = [() => claim.release()]
  try {
    const control = await ControlServer.start({ socketPath: claim.record.socketPath, log })
    cleanups.push(() => control.close())
    const composition = await prepared.open(() => claim.record)
    cleanups.push(() => composition.close())
    control.add(composition.methods)
    return await serveComposition(spec, { ...parts, control, composition })
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup()
  }
}

interface Claimed extends ServeParts {
  readonly claim: AccountClaim
  readonly control: ControlServer
  readonly composition: Composition
}

async function serveComposition(spec: MountSpec, parts: Claimed): Promise<number> {
  const { claim, control, composition, log } = parts
  const { mountpoint, readOnly } = spec
  await recoverMountpoint(mountpoint, { log })
  const { driver, fileSystem, driverOptions } = composition
  const mounted = await driver.mount(fileSystem, { ...driverOptions, mountpoint, readOnly })
  const life = new MountLife({ ...parts, mounted, setState: (state) => claim.setState(state) })
  control.add({ ...infoMethod(spec, parts), ...life.methods })
  await claim.setState('mounted')
  log.info('mounted', { mountpoint, account: claim.record.account, driver: driver.name })
  for (const note of composition.notes ?? []) parts.onNote(note)
  parts.onReady()
  return life.run()
}

function infoMethod(spec: MountSpec, { claim, composition }: Claimed): ControlMethods {
  const { driver } = composition
  const { rootUri, readOnly, logFile } = spec
  return {
    info: async () => ({
      ...claim.record,
      rootUri,
      readOnly,
      logFile,
      driver: driver.name,
      capabilities: { ...driver.capabilities },
    }),
  }
}
