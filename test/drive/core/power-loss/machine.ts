import type { FileLayer } from '../../../../src/base/file-layer.ts'
import { nothingInline, type InlineLimits } from '../../../../src/core/inline/index.ts'
import { aMoment, settle } from '../../../fakes/manual-clock.ts'
import { MortalLayer } from '../../../fakes/mortal-layer.ts'
import { PowerLossDisk, seededRandom, type Lie, type Random } from '../../../fakes/power-loss.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

/** Of a program for an answer: turns of the event loop, and then tenths of a second. */
const longestWait = 1_500

/** What a program does ends with its machine. */
export class PowerIsLost extends Error {}

/** All small files in the log, none, and some that move out. */
const limits: readonly InlineLimits[] = [
  { fileBytes: 64 * 1024, totalBytes: 1024 ** 2 },
  nothingInline,
  { fileBytes: 1_000, totalBytes: 8_000 },
]

/** A lie is about one of the two ways. */
function limitsFor(seed: number, lieAbout: RegExp | undefined): InlineLimits {
  if (!lieAbout) return limits[Math.abs(seed) % limits.length]!
  return lieAbout.test('/inline') ? limits[0]! : nothingInline
}

/** A machine that has a drive mounted, and loses its power now and then. */
export class Machine {
  readonly drive: TestDrive
  readonly #random: Random
  #disk: PowerLossDisk
  #layer!: MortalLayer
  #boots = 0
  /** Changes of the local disk until the power is lost. */
  #left = Infinity
  /** The disk as it is found, once the power is lost. */
  #found: PowerLossDisk | undefined

  private constructor(drive: TestDrive, disk: PowerLossDisk, seed: number) {
    this.drive = drive
    this.#disk = disk
    this.#random = seededRandom(seed)
  }

  static async open(
    files: Readonly<Record<string, string>>,
    seed: number,
    [lie, lieAbout]: readonly [Lie?, RegExp?],
  ): Promise<Machine> {
    const disk = await PowerLossDisk.with('/', lie ? [lie] : [], lieAbout)
    const remote = { putLimitBytes: 8_000, chunkBytes: 4_096, versionsKept: 1_000 }
    const inlineLimits = limitsFor(seed, lieAbout)
    const drive = await TestDrive.open({ fileLayer: disk, remote, inlineLimits }, (remote) => {
      for (const [path, text] of Object.entries(files)) remote.putAsOther(path, text)
    })
    const machine = new Machine(drive, disk, seed)
    await machine.#start(disk)
    return machine
  }

  get isOut(): boolean {
    return this.#found !== undefined
  }

  /** With so many more changes of the local disk; 0: now. */
  losePower(after: number): void {
    if (after > 0) this.#left = after
    else this.#lose()
  }

  /** Only the process ends: what is on its way to the disk stays so. */
  async kill(): Promise<void> {
    this.#die()
    await this.#start(this.#disk)
  }

  /** Now and then the power goes once more while the next process starts. */
  async restart(): Promise<void> {
    while (this.#found) {
      const disk = this.#found
      this.#found = undefined
      if (this.#random() < 0.3) this.#left = Math.floor(this.#random() * 25)
      await this.#start(disk).catch((error: unknown) => {
        if (!(error instanceof PowerIsLost)) throw error
      })
    }
    this.#left = Infinity
  }

  /** What the process answers, while time passes. @throws {PowerIsLost} when it cannot any more */
  async told<T>(work: Promise<T>): Promise<T> {
    let isOver = false
    const watched = work.finally(() => {
      isOver = true
    })
    watched.catch(() => undefined)
    const state = () => isOver
    for (let waits = 0; !state() && !this.#found; waits += 1) {
      if (waits > longestWait) throw new Error('a program waits for ever')
      await settle()
      if (waits > 20 && !state() && !this.#found) await this.drive.clock.advance(100).then(() => aMoment())
    }
    if (this.#found) throw new PowerIsLost()
    return watched
  }

  /** The power is lost in the midst of it, maybe. */
  async pass(ms: number): Promise<void> {
    await this.drive.clock.advance(ms)
    if (this.#found) throw new PowerIsLost()
  }

  /** A disk that may be lost, and the process that is going to use it. */
  #use(disk: PowerLossDisk): void {
    this.#disk = disk
    disk.onChange = () => {
      this.#left -= 1
      if (this.#left < 0) this.#lose()
    }
    this.#layer = new MortalLayer(bound(disk))
    this.drive.fileLayer = this.#layer.layer
  }

  #lose(): void {
    if (this.#found) return
    this.#found = this.#disk.crash(this.#random)
    this.#boots += 1
    this.#die()
  }

  #die(): void {
    this.#left = Infinity
    this.#layer.kill()
    this.drive.kill()
  }

  #start(disk: PowerLossDisk): Promise<void> {
    return this.told(
      this.drive.crash(() => {
        this.#use(disk)
        this.drive.bootId = `boot ${this.#boots}`
      }),
    )
  }
}

/** Its methods without it. */
function bound(disk: PowerLossDisk): FileLayer {
  const names = ['open', 'replace', 'rename', 'remove', 'list', 'exists', 'stat'] as const
  const rest = ['makeFolder', 'readWhole', 'syncFolder', 'space'] as const
  return Object.fromEntries(
    [...names, ...rest].map((name) => [name, disk[name].bind(disk) as unknown]),
  ) as unknown as FileLayer
}
