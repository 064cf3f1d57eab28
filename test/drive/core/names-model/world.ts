import { RemoteError } from '../../../../src/remote/errors.ts'
import type { Gate } from '../../../fakes/call-script.ts'
import { aMoment, settle } from '../../../fakes/manual-clock.ts'
import { PowerLossDisk } from '../../../fakes/power-loss.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'
import { TimedLayer } from '../../../fakes/timed-layer.ts'
import { atFirst, isEmpty, isFolder, parentOf, rename, sorted, type Names } from './reference.ts'
import { changing, type HoldStep, type PathStep, type Step } from './steps.ts'

/** What copies get their names in: it goes some time after the last one, or with the first of the next process. */
const scratch = /^\.copying-[^/]*(\/|$)/

/** A drive in which steps are done, and beside it what is to be seen of it. Nothing in it takes real time: the same steps, the same outcome. */
export class NamesWorld {
  readonly drive: TestDrive
  readonly reference = atFirst()
  #disk: PowerLossDisk
  #layer: TimedLayer
  #diskTakesMs = 0
  readonly #gates = new Set<Gate>()

  private constructor(drive: TestDrive, disk: PowerLossDisk, layer: TimedLayer) {
    this.drive = drive
    this.#disk = disk
    this.#layer = layer
  }

  static async open(): Promise<NamesWorld> {
    const disk = await PowerLossDisk.with('/')
    const layer = new TimedLayer()
    const drive = await TestDrive.open({ fileLayer: layer.over(disk) }, (remote) => {
      remote.mkdirAsOther('b')
      for (const [path, text] of atFirst()) if (text !== undefined) remote.putAsOther(path, text)
    })
    return new NamesWorld(drive, disk, layer)
  }

  /** What programs are shown. */
  async shown(): Promise<Names> {
    return withoutScratch(await this.drive.during(this.#shownIn('')))
  }

  async #shownIn(folder: string): Promise<[string, string | undefined][]> {
    const found: [string, string | undefined][] = []
    for (const name of await this.drive.names(folder)) {
      const path = folder ? `${folder}/${name}` : name
      if ((await this.drive.stat(path)).kind === 'folder')
        found.push([path, undefined], ...(await this.#shownIn(path)))
      else found.push([path, await this.drive.text(path)])
    }
    return found
  }

  /** What the server has. */
  get stored(): Names {
    const { remote } = this.drive
    const paths = remote.paths().map((path) => path.replace(/\/$/, ''))
    return withoutScratch(paths.map((path) => [path, remote.textAt(path)]))
  }

  get expected(): Names {
    return sorted(this.reference)
  }

  /** Nothing fails any more, and no time is taken. */
  recover(): void {
    this.#slowDown(0)
    for (const method of changing) this.drive.remote.script.recover(method)
  }

  async apply(one: Step, turn: number): Promise<void> {
    if ('path' in one) await this.#change(one, turn)
    else await this.#trouble(one)
  }

  /** What a program does; where it would be refused, nothing. */
  async #change(one: PathStep, turn: number): Promise<void> {
    const { drive, reference } = this
    const { path } = one
    const isPlaced = isFolder(reference, parentOf(path))
    switch (one.do) {
      case 'mkdir':
        if (reference.has(path) || !isPlaced) return
        reference.set(path, undefined)
        return drive.during(drive.mkdir(path))
      case 'save':
        if (isFolder(reference, path) || !isPlaced) return
        reference.set(path, `${turn}`)
        return drive.during(drive.save(path, `${turn}`))
      case 'unlink':
        if (!reference.has(path) || isFolder(reference, path)) return
        reference.delete(path)
        return drive.during(drive.unlink(path))
      case 'rmdir':
        if (!reference.has(path) || !isFolder(reference, path) || !isEmpty(reference, path)) return
        reference.delete(path)
        return drive.during(drive.rmdir(path))
      case 'rename':
        if (rename(reference, path, one.to)) await drive.during(drive.rename(path, one.to))
        return
    }
  }

  async #trouble(one: Exclude<Step, PathStep>): Promise<void> {
    const { drive } = this
    switch (one.do) {
      case 'fail':
        return drive.remote.fail(one.method, new RemoteError('locked', 'somebody else is at it'))
      case 'lose':
        return drive.remote.loseAnswers(one.method)
      case 'hold':
        return this.#hold(one)
      case 'wait':
        return drive.clock.advance(one.ms)
      case 'slow disk':
        return this.#slowDown(one.ms)
      case 'crash':
        return this.#crash()
    }
  }

  /** The server takes its time for the next calls of `method`: before it does what they want, or before it answers. */
  #hold({ method, at, ms }: HoldStep): void {
    const { remote, clock } = this.drive
    const gate = remote.hold(method, at)
    this.#gates.add(gate)
    clock.after(ms, () => gate.release())
  }

  #slowDown(ms: number): void {
    this.#diskTakesMs = ms
    this.#layer.takes(ms, this.drive.clock)
  }

  async #crash(): Promise<void> {
    const { drive } = this
    await this.#started(
      drive.crash(async () => {
        this.#disk = this.#disk.killed()
        this.#layer = new TimedLayer()
        this.#slowDown(this.#diskTakesMs)
        drive.fileLayer = this.#layer.over(this.#disk)
        // A server ends what it has begun before it is asked by the next process.
        for (const gate of this.#gates) gate.release()
        this.#gates.clear()
        await settle()
      }),
    )
  }

  /** A start takes its lock from the real disk: time stands still for that, and goes on only while something waits for it. */
  async #started(start: Promise<void>): Promise<void> {
    let isOver = false
    const over = () => isOver
    const watched = start.finally(() => {
      isOver = true
    })
    watched.catch(() => undefined)
    while (!over()) {
      await settle()
      if (this.#isWaiting) await this.drive.clock.advance(50)
      else await aMoment()
    }
    return watched
  }

  get #isWaiting(): boolean {
    return this.#layer.waiting > 0 || [...this.#gates].some(({ waiting }) => waiting > 0)
  }
}

function withoutScratch(names: readonly (readonly [string, string | undefined])[]): Names {
  return sorted(names.filter(([path]) => !scratch.test(path)))
}
