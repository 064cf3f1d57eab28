import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error-message.ts'
import type { Log } from '../base/log.ts'
import type { AccountClaim, ClaimedMount } from './account-claim.ts'
import type { AccountHost, HostedMount } from './host/account-host.ts'
import { ControlServer } from './control.ts'
import { MountLife } from './mount-life.ts'
import { logLevelOf } from './pino-log.ts'
import { realMountpoint } from './real-mountpoint.ts'
import { recoverMountpoint } from './recover-mountpoint.ts'
import {
  exitCodes,
  MountError,
  type ControlCall,
  type ControlMethods,
  type Json,
  type MountSpec,
  type MountState,
} from './spec.ts'
import type { StopRequests } from './stop-requests.ts'

export interface AccountServiceParts {
  readonly host: AccountHost
  readonly claim: AccountClaim
  readonly clock: Clock
  readonly log: Log
  readonly stops: StopRequests
  /** While what was written is sent, after a folder is gone. */
  readonly onDrain: (event: Json) => void
  /** Somebody looks at the process, and may end it: it serves other mounts no longer than that. */
  readonly isForeground: boolean
}

/** Parameters of `mount`, by which another process asks for one more mount; its progress events are sentences to read. */
export interface MountParams {
  readonly spec: MountSpec
}

/**
 * All mounts of one account, in the process that has claimed it. The first is made by the process itself, others are asked
 * for over the control socket; it ends with the last.
 */
export class AccountService {
  readonly #parts: AccountServiceParts
  #control: ControlServer | undefined
  /** Being made, there, or sent on. */
  #count = 0
  #isOver = false
  /** The process logs as this one wants it. */
  #first: MountSpec | undefined
  /** The worst one of the mounts. */
  #exitCode: number = exitCodes.ok
  #tellEnd: () => void = () => undefined
  readonly #ended: Promise<void>

  private constructor(parts: AccountServiceParts) {
    this.#parts = parts
    this.#ended = new Promise((resolve) => {
      this.#tellEnd = resolve
    })
    void parts.host.lost.then((reason) => {
      this.#exitCode = exitCodes.mountFailed
      parts.log.error(`everything that this process served is gone: ${reason.message}`)
    })
  }

  static async start(parts: AccountServiceParts): Promise<AccountService> {
    const service = new AccountService(parts)
    const { claim, log } = parts
    const methods = { mount: (call: ControlCall) => service.#mountForAnother(call) }
    service.#control = await ControlServer.start({ socketPath: claim.socketPath, log, methods })
    return service
  }

  /**
   * Resolves when programs can use the folder.
   * @throws an error whose message is a sentence, when it cannot be mounted
   */
  async mount(asked: MountSpec, onNote: (sentence: string) => void): Promise<void> {
    const { claim, clock, stops } = this.#parts
    if (this.#isOver || stops.stop.aborted)
      throw new MountError(`process ${process.pid}, which serves the account, is just ending: try again`, {
        kind: 'ending',
      })
    this.#count += 1
    this.#first ??= asked
    let claimed: ClaimedMount | undefined
    try {
      const spec = { ...asked, mountpoint: await realMountpoint(asked.mountpoint) }
      this.#requireFree(spec)
      claimed = await claim.add(spec.mountpoint, clock.now())
      await this.#serve(spec, claimed, onNote)
    } catch (error) {
      if (claimed) await this.#told(claimed.remove())
      this.#leave()
      throw error
    }
  }

  /** Resolves with an exit code when the last mount has ended. */
  async run(): Promise<number> {
    await this.#ended
    return this.#exitCode
  }

  async close(): Promise<void> {
    this.#isOver = true
    await this.#control?.close()
  }

  async #mountForAnother({ params, progress }: ControlCall): Promise<Json> {
    const { spec } = params as unknown as MountParams
    if (typeof spec?.mountpoint !== 'string' || typeof spec.rootUri !== 'string')
      throw new MountError('a mount was asked for that nobody understands (is the asker of another version?)')
    await this.mount(spec, progress)
    if (this.#parts.isForeground)
      progress(
        `process ${process.pid}, which serves the account already, is in the foreground: this mount ends with it`,
      )
    return { pid: process.pid }
  }

  #requireFree({ mountpoint }: MountSpec): void {
    const { claim } = this.#parts
    const there = claim.mounts.find((mount) => mount.mountpoint === mountpoint && mount.state !== 'draining')
    if (there)
      throw new MountError(`${there.account} is mounted on ${mountpoint} already (process ${process.pid})`)
  }

  async #serve(spec: MountSpec, claimed: ClaimedMount, onNote: (sentence: string) => void): Promise<void> {
    const { host, log } = this.#parts
    const mounted = await host.mount(spec)
    const setState = (state: MountState) => this.#told(claimed.setState(state))
    const life = new MountLife({ ...this.#parts, mounted, setState })
    const { logFile } = this.#first!
    const methods = {
      ...mounted.methods,
      ...ownMethods({ ...spec, logFile }, mounted, claimed),
      ...life.methods,
    }
    const forget = this.#control!.add(spec.mountpoint, methods)
    try {
      await claimed.setState('mounted')
    } catch (error) {
      forget()
      await mounted.unmount()
      await mounted.close()
      throw error
    }
    const { record } = claimed
    log.info('mounted', {
      mountpoint: record.mountpoint,
      account: record.account,
      driver: mounted.driver.name,
    })
    for (const note of [...mounted.notes, ...this.#logNotes(spec)]) onNote(note)
    void this.#end(life, mounted, async () => {
      forget()
      await this.#told(claimed.remove())
    })
  }

  /** Others may see what is not so any more (their folder goes when its user logs out): no reason not to send what was written. */
  async #told(telling: Promise<void>): Promise<void> {
    await telling.catch((error: unknown) => {
      this.#parts.log.warn(`the list of running mounts cannot be written: ${messageOf(error)}`)
    })
  }

  /** There is one log, which can be as one of the mounts wants it. */
  #logNotes(spec: MountSpec): string[] {
    const [first, level] = [this.#first!, logLevelOf(this.#first!)]
    if (logLevelOf(spec) === level) return []
    return [
      `process ${process.pid}, which serves the account already, goes on logging as ${first.mountpoint} wants it ` +
        `(${level} instead of ${logLevelOf(spec)})`,
    ]
  }

  /** Never rejects. */
  async #end(life: MountLife, mounted: HostedMount, forget: () => Promise<void>): Promise<void> {
    const { log, clock, stops } = this.#parts
    try {
      this.#note(await life.run())
      await mounted.close()
    } catch (error) {
      this.#note(exitCodes.mountFailed)
      log.error(`${mounted.mountpoint} has ended badly: ${messageOf(error)}`)
      await recoverMountpoint(mounted.mountpoint, { log, clock, isServed: async () => false }).catch(
        (failure: unknown) => {
          log.error(messageOf(failure), { mountpoint: mounted.mountpoint })
        },
      )
    }
    // Whoever waits for the end hears of it before the socket goes.
    if (stops.hurry.aborted) this.#isOver = true
    await forget()
    this.#leave()
  }

  #note(exitCode: number): void {
    if (exitCode !== exitCodes.ok && this.#exitCode !== exitCodes.mountFailed) this.#exitCode = exitCode
  }

  #leave(): void {
    this.#count -= 1
    if (this.#count > 0) return
    this.#isOver = true
    this.#tellEnd()
  }
}

function ownMethods(
  spec: MountSpec,
  { driver, methods }: HostedMount,
  claimed: ClaimedMount,
): ControlMethods {
  const { rootUri, readOnly, logFile } = spec
  const info = () => ({ ...claimed.record, rootUri, readOnly, logFile, driver: driver.name })
  const { status } = methods
  return {
    info: async () => ({ ...info(), capabilities: { ...driver.capabilities } }),
    ...(status ? { status: async (call) => withRecord(await status(call), claimed) } : {}),
  }
}

/** What the drive says, and what only its process knows. */
function withRecord(status: Json, claimed: ClaimedMount): Json {
  return { ...(status as { readonly [name: string]: Json }), ...shown(claimed) }
}

function shown({ record: { mountpoint, account, pid, startedAt, state } }: ClaimedMount) {
  return { mountpoint, account, pid, startedAt, state }
}
