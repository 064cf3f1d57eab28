import { constants } from 'node:fs'
import { FsError } from '../../../src/core/index.ts'
import type { EntityId } from '../../../src/remote/types.ts'
import { settle } from '../../fakes/manual-clock.ts'
import type { Gate } from '../../fakes/call-script.ts'
import { PowerLossDisk } from '../../fakes/power-loss.ts'
import { TestDrive, type OpenedFile } from '../../fakes/test-drive.ts'
import type { ClientName, FateOperation } from './operations.ts'

/** Longer than any program waits for the server, ms. */
const longestWaitMs = 600_000
/** No request is without an answer for longer: then the client gives it up, ms. */
const longestRequestMs = 90_000

export const noteName = 'user.note'
/** What programs choose lies before, what the clock says after it, seconds. */
const chosenBefore = 1_000_000

/** One machine with the drive: a core of its own, its local disk, and its line to the server both share. */
export class Client {
  readonly name: ClientName
  readonly drive: TestDrive
  readonly #deletesForGood: boolean
  readonly #gates: Gate[] = []
  /** A change could not be sent, as what it was a part of was deleted for good. */
  hasLostBase = false
  #disk: PowerLossDisk

  private constructor(name: ClientName, drive: TestDrive, disk: PowerLossDisk, deletesForGood: boolean) {
    this.name = name
    this.drive = drive
    this.#deletesForGood = deletesForGood
    this.#disk = disk
  }

  static async open(name: ClientName, deletesForGood: boolean, beside?: Client): Promise<Client> {
    const fileLayer = await PowerLossDisk.with('/')
    const drive = await TestDrive.open({
      fileLayer,
      hostName: name,
      settings: { deletePermanently: deletesForGood },
      remote: { versionsKept: 1_000 },
      ...(beside && { beside: beside.drive }),
    })
    return new Client(name, drive, fileLayer, deletesForGood)
  }

  /** True when it was done; false when the program was refused it. Time passes while the program waits. */
  async tries(work: () => Promise<void>): Promise<boolean> {
    let isOver = false
    const watched = work().finally(() => {
      isOver = true
    })
    watched.catch(() => undefined)
    const state = () => isOver
    for (let waitedMs = 0, stepMs = 50; ; waitedMs += stepMs, stepMs = Math.min(2 * stepMs, 2_000)) {
      for (let i = 0; i < 4 && !state(); i += 1) await settle()
      if (state()) break
      if (waitedMs > longestWaitMs) throw new Error(`client ${this.name}: a program waits for ever`)
      await this.drive.clock.advance(stepMs)
    }
    try {
      await watched
      return true
    } catch (error) {
      if (error instanceof FsError) return false
      throw error
    }
  }

  /** What a program that looks at `path` is shown; undefined when there is nothing, or nothing to be had. */
  async shown(path: string, pid: number): Promise<string | undefined> {
    let text: string | undefined
    await this.tries(async () => {
      text = await this.drive.text(path, pid)
    })
    if (text === undefined)
      await this.tries(async () => {
        text = await this.#known(path)
      })
    return text
  }

  openToWrite(path: string, pid: number): Promise<OpenedFile> {
    return this.drive.open(path, constants.O_RDWR, pid)
  }

  truncate({ ino, fh }: OpenedFile): Promise<unknown> {
    return this.drive.fs.setattr(ino, { sizeBytes: 0 }, fh, this.drive.context())
  }

  /** As `cp` does where the kernel offers copy_file_range(2). */
  async copyRange(source: OpenedFile, target: OpenedFile): Promise<void> {
    const { drive } = this
    for (let offset = 0; ;) {
      const [from, to] = [
        { fh: source.fh, offset },
        { fh: target.fh, offset },
      ]
      const copied = await drive.fs.copyRange(from, to, 1 << 20, drive.context())
      if (copied === 0) return
      offset += copied
    }
  }

  async meets(operation: FateOperation): Promise<void> {
    const { remote } = this.drive
    switch (operation.do) {
      case 'crash':
        return this.#crash()
      case 'network':
        remote.offline = !operation.isUp
        return undefined
      case 'loseAnswers':
        return remote.loseAnswers(operation.method)
      case 'hold': {
        const gate = remote.hold(operation.method, operation.at)
        this.#gates.push(gate)
        this.drive.clock.after(longestRequestMs, () => gate.release())
        return undefined
      }
      case 'release':
        return this.#release()
      case 'forget':
        return this.drive.forgetAll()
      default:
        return operation satisfies never
    }
  }

  /** The network is there, and nothing is lost or late any more. */
  comesBack(): void {
    this.#release()
    this.drive.remote.offline = false
    this.drive.remote.script.forgetTrouble()
  }

  /** Everything was sent. @throws {Error} when it never is */
  async arrives(): Promise<void> {
    const { drive } = this
    for (let round = 0; round < 20; round += 1) {
      await drive.clock.advance(61_000)
      await this.tries(async () => void (await drive.drain()))
      await drive.clock.advance(2_000)
      for (let i = 0; i < 4; i += 1) await settle()
      if (this.#deletesForGood) await this.#discardLost()
      if (drive.drive.unsentNames === 0 && drive.drive.top.pending().length === 0) return
    }
    const waiting = drive.drive.top.pending().map(({ label, state }) => `${label} (${state.detail ?? ''})`)
    throw new Error(
      `client ${this.name} is never done: ${drive.drive.unsentNames} names, ${waiting.join(', ')}`,
    )
  }

  /** A person discards copies, and changes, of a file that somebody has deleted for good before all of it was here: that is lost, and says so. */
  async #discardLost(): Promise<void> {
    const { top } = this.drive.drive
    for (const { label, state } of top.pending()) {
      const isChange = state.detail?.includes('the server does not keep the version any more') === true
      const isCopy = state.detail?.includes('of which this is a copy, was deleted') === true
      if (state.state !== 'failed' || !(isChange || isCopy)) continue
      this.hasLostBase ||= isChange
      await this.tries(async () => void (await top.discard(label.split('/').slice(1), this.drive.context())))
    }
  }

  async stop(): Promise<void> {
    this.#release()
    await this.drive.stop()
  }

  /** Every file with its content, folders with a `/` at their end. @requires that the listings are not trusted any more */
  async view(path = ''): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    for (const name of await this.drive.names(path)) {
      const at = path === '' ? name : `${path}/${name}`
      if ((await this.drive.stat(at)).kind !== 'folder') found.set(at, await this.drive.text(at, 1))
      else
        for (const [below, text] of [[`${at}/`, ''] as const, ...(await this.view(at))])
          found.set(below, text)
    }
    return found
  }

  /** What programs have chosen for what is at `path`. */
  async attributes(path: string): Promise<string> {
    const { mode, mtime } = await this.drive.stat(path)
    const note = await this.drive.getxattr(path, noteName).catch((error: unknown) => {
      if (error instanceof FsError) return 'none'
      throw error
    })
    const time = mtime.seconds < chosenBefore ? String(mtime.seconds) : 'not chosen'
    return `mode ${mode.toString(8)}, time ${time}, note ${note}`
  }

  /** What the version that is shown has, by its id: nobody needs to be asked. */
  async #known(path: string): Promise<string | undefined> {
    const [entity, state] = [
      await this.drive.getxattr(path, 'user.cloudreve.entity'),
      await this.drive.getxattr(path, 'user.cloudreve.sync'),
    ]
    if (!state.startsWith('synced')) return undefined
    const bytes = this.drive.remote.bytesOf(entity.trim() as EntityId)
    return bytes && Buffer.from(bytes).toString()
  }

  #release(): void {
    for (const gate of this.#gates.splice(0)) gate.release()
  }

  /** kill -9; the process that follows finds the disk as it was at that moment. */
  async #crash(): Promise<void> {
    const { drive } = this
    let isStarted = false
    const starting = drive.crash(() => {
      this.#disk = this.#disk.killed()
      drive.fileLayer = this.#disk
    })
    const started = starting.finally(() => {
      isStarted = true
    })
    started.catch(() => undefined)
    const state = () => isStarted
    // Without the server there is no start yet: it comes back while that waits.
    for (let i = 0; i < 100 && !state(); i += 1) {
      if (i === 50) {
        drive.remote.offline = false
        this.#release()
      }
      await drive.clock.advance(100)
    }
    await started
  }
}
