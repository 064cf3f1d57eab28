import type { Lie } from '../../../fakes/power-loss.ts'
import { errnoOf } from '../../../fakes/test-drive.ts'
import { PowerLossLedger, type Shown } from './ledger.ts'
import { Machine, PowerIsLost } from './machine.ts'
import { noteName, Programs } from './programs.ts'
import { theirs, type Step } from './steps.ts'

const firstFiles = {
  'f/a': 'first a',
  'f/b': 'first b'.repeat(1_000),
  'f/d/a': 'first d/a',
  'f/x': 'their first',
}

/** A drive whose machine loses its power now and then, and what programs were told of it. */
export class PowerLossRun {
  readonly #machine: Machine
  readonly #ledger = new PowerLossLedger()
  readonly #programs: Programs

  private constructor(machine: Machine) {
    this.#machine = machine
    this.#programs = new Programs(machine, this.#ledger)
  }

  static async open(seed: number, lie: readonly [Lie?, RegExp?] = []): Promise<PowerLossRun> {
    const run = new PowerLossRun(await Machine.open(firstFiles, seed, lie))
    run.#ledger.found(await run.#view())
    return run
  }

  async stop(): Promise<void> {
    await this.#machine.drive.stop()
  }

  /** Sentences about what is wrong. */
  async run(steps: readonly Step[]): Promise<string[]> {
    for (const step of [...steps, { do: 'losePower', after: 0 } as const]) {
      const complaints = await this.#do(step)
      if (complaints.length > 0) return complaints
    }
    return this.#end()
  }

  async #do(step: Step): Promise<string[]> {
    const machine = this.#machine
    if (step.do === 'kill') {
      await machine.kill()
      this.#programs.forget()
      return this.#differences(await this.#view())
    }
    try {
      if (step.do === 'losePower') machine.losePower(step.after)
      else await this.#programs.do(step)
    } catch (error) {
      if (!(error instanceof PowerIsLost)) throw error
    }
    if (!machine.isOut) return []
    await machine.restart()
    this.#programs.forget()
    return this.#judge()
  }

  async #judge(): Promise<string[]> {
    const { remote } = this.#machine.drive
    const atServer = new Set(remote.paths().flatMap((path) => remote.textAt(path) ?? []))
    const view = await this.#view()
    const isSomethingLost = this.#machine.drive.drive.writeBack.lostAndFound.length > 0
    const complaints = [...this.#ledger.judge(view, atServer, isSomethingLost), ...this.#tornAtServer()]
    this.#ledger.found(view)
    return complaints
  }

  /** Everything arrives, and the server has what is shown. */
  async #end(): Promise<string[]> {
    const { remote, drive } = this.#machine.drive
    await this.#machine.told(this.#machine.drive.drive.drain())
    await this.#machine.drive.outdate()
    const complaints = [...this.#differences(await this.#view()), ...this.#tornAtServer()]
    for (const { label, state } of drive.top.pending())
      complaints.push(`${label} is never sent: ${state.detail ?? state.state}`)
    for (const path of this.#machine.drive.copies())
      complaints.push(`${path} is there, though nobody else has saved`)
    const server = remote.paths().filter((path) => path.startsWith('f/') && !isTheirs(path))
    const shown = [...this.#ledger.expected]
      .map(([path, { kind }]) => path + (kind === 'folder' ? '/' : ''))
      .sort()
    if (server.join() !== shown.join())
      complaints.push(`the server has ${server.join()}, and not ${shown.join()}`)
    for (const [path, { kind, text }] of this.#ledger.expected)
      if (kind === 'file' && remote.textAt(path) !== text) complaints.push(`the server has another ${path}`)
    this.#machine.drive.drive.checkInvariants()
    return complaints
  }

  #differences(view: ReadonlyMap<string, Shown>): string[] {
    const { expected } = this.#ledger
    const paths = new Set([...view.keys(), ...expected.keys()])
    return [...paths]
      .filter((path) => JSON.stringify(view.get(path)) !== JSON.stringify(expected.get(path)))
      .map((path) => `${path} is ${short(view.get(path))}, and not ${short(expected.get(path))}`)
  }

  #tornAtServer(): string[] {
    const { tree } = this.#machine.drive.remote
    const complaints: string[] = []
    for (const top of [tree.root, ...tree.trash])
      for (const node of tree.walk(top))
        for (const { bytes } of node.versions)
          if (!isTheirs(node.name) && !this.#ledger.isWhole(Buffer.from(bytes).toString()))
            complaints.push(`the server has a version of ${node.name} that never was: ${bytes.length} bytes`)
    return complaints
  }

  /** All that is ours. */
  async #view(path = 'f'): Promise<Map<string, Shown>> {
    const drive = this.#machine.drive
    const found = new Map<string, Shown>()
    const { kind, mode } = await drive.stat(path)
    const isFolder = kind === 'folder'
    const note = (await errnoOf(drive.getxattr(path, noteName)))
      ? 'none'
      : await drive.getxattr(path, noteName)
    const attributes = `mode ${mode.toString(8)}, note ${note}`
    const text = isFolder ? '' : await this.#machine.told(drive.text(path))
    found.set(path, { kind: isFolder ? 'folder' : 'file', text, attributes })
    if (isFolder)
      for (const name of await drive.names(path))
        if (!theirs.includes(name))
          for (const below of await this.#view(`${path}/${name}`)) found.set(...below)
    return found
  }
}

function isTheirs(path: string): boolean {
  return theirs.includes(path.split('/').at(-1)!)
}

function short(shown: Shown | undefined): string {
  return shown
    ? `${shown.kind} "${shown.text.slice(0, 12)}" of ${shown.text.length} bytes, ${shown.attributes}`
    : 'not there'
}
