import { constants } from 'node:fs'
import type { OpenedFile } from '../../../fakes/test-drive.ts'
import type { PowerLossLedger, Thing } from './ledger.ts'
import type { Machine } from './machine.ts'
import type { ProgramStep, StepOf } from './steps.ts'

export const noteName = 'user.note'
const temporary = 'f/t'

interface OpenSlot {
  readonly file: OpenedFile
  readonly thing: Thing
  hasChanged: boolean
}

/** What programs do on the machine, and what they were told. They do only what can be done. */
export class Programs {
  readonly #machine: Machine
  readonly #ledger: PowerLossLedger
  readonly #slots = new Map<number, OpenSlot>()
  #words = 0

  constructor(machine: Machine, ledger: PowerLossLedger) {
    this.#machine = machine
    this.#ledger = ledger
  }

  /** They have ended with their machine, or lost what they had open. */
  forget(): void {
    this.#slots.clear()
  }

  async do(step: ProgramStep): Promise<void> {
    const { remote } = this.#machine.drive
    const ledger = this.#ledger
    switch (step.do) {
      case 'save':
        return this.#save(step.path, step.length)
      case 'saveOver':
        if (!this.#isFree(step.path) && !this.#file(step.path)) return undefined
        await this.#save(temporary, step.length)
        return this.#rename(temporary, step.path)
      case 'saveBeside':
        if (!this.#file(step.path)) return undefined
        await this.#rename(step.path, `${step.path}~`)
        return this.#save(step.path, step.length)
      case 'open':
        return this.#open(step)
      case 'write':
      case 'cut':
      case 'fsync':
      case 'close':
        return this.#useSlot(step)
      case 'truncate': {
        const thing = this.#file(step.path)
        if (thing)
          await this.#cut(thing, step.size, () =>
            this.#machine.drive.setattr(step.path, { sizeBytes: step.size }),
          )
        return undefined
      }
      case 'read':
        if (this.#file(step.path)) await this.#machine.told(this.#machine.drive.text(step.path))
        return undefined
      case 'rename':
        if (this.#file(step.path) && (this.#file(step.to) || this.#isFree(step.to)))
          await this.#rename(step.path, step.to)
        return undefined
      case 'renameFolder':
        if (this.#folder(step.path) && this.#isFree(step.to) && !`${step.to}/`.startsWith(`${step.path}/`))
          await this.#rename(step.path, step.to)
        return undefined
      case 'unlink': {
        const thing = this.#file(step.path)
        if (!thing) return undefined
        ledger.remove(thing)
        return this.#machine.told(this.#machine.drive.unlink(step.path))
      }
      case 'mkdir':
        if (!this.#isFree(step.path)) return undefined
        ledger.add('folder', step.path, { mode: 0o755 })
        return this.#machine.told(this.#machine.drive.mkdir(step.path))
      case 'rmdir': {
        const folder = this.#folder(step.path)
        if (!folder || ledger.childrenOf(folder).length > 0) return undefined
        ledger.remove(folder)
        return this.#machine.told(this.#machine.drive.rmdir(step.path))
      }
      case 'copy':
        return this.#copy(step)
      case 'chmod':
      case 'note':
        return this.#setAttribute(step)
      case 'fsyncFolder':
        return this.#fsyncFolder()
      case 'theySave':
        return void remote.putAsOther(`f/${step.name}`, `theirs ${this.#word(20)}`)
      case 'theyRemove':
        if (remote.textAt(`f/${step.name}`) !== undefined) remote.removeAsOther(`f/${step.name}`)
        return undefined
      case 'wait':
        return this.#machine.pass(step.ms)
      case 'arrive':
        return void (await this.#machine.told(this.#machine.drive.drive.drain()))
      default:
        return step satisfies never
    }
  }

  async #save(path: string, length: number): Promise<void> {
    const thing = this.#file(path)
    if (!thing && !this.#isFree(path)) return
    const slot = thing ? await this.#openEmptied(path, thing) : await this.#create(path)
    await this.#write(slot, 0, length)
    await this.#close(slot)
  }

  async #openEmptied(path: string, thing: Thing): Promise<OpenSlot> {
    this.#ledger.change(thing, '')
    const file = await this.#machine.told(
      this.#machine.drive.open(path, constants.O_RDWR | constants.O_TRUNC),
    )
    return { file, thing, hasChanged: true }
  }

  async #create(path: string): Promise<OpenSlot> {
    const thing = this.#ledger.add('file', path)
    thing.isDirty = true
    return { file: await this.#machine.told(this.#machine.drive.create(path)), thing, hasChanged: true }
  }

  async #open({ slot, path }: StepOf<'open'>): Promise<void> {
    const before = this.#slots.get(slot)
    if (before) await this.#close(before)
    this.#slots.delete(slot)
    const thing = this.#file(path)
    if (!thing && !this.#isFree(path)) return
    const opened = thing
      ? {
          file: await this.#machine.told(this.#machine.drive.open(path, constants.O_RDWR)),
          thing,
          hasChanged: false,
        }
      : await this.#create(path)
    this.#slots.set(slot, opened)
  }

  async #useSlot(step: StepOf<'write' | 'cut' | 'fsync' | 'close'>): Promise<void> {
    const { fs } = this.#machine.drive
    const slot = this.#slots.get(step.slot)
    if (!slot) return
    const { fh, ino } = slot.file
    switch (step.do) {
      case 'write':
        return this.#write(slot, step.at, step.length)
      case 'cut':
        slot.hasChanged = true
        return this.#cut(slot.thing, step.size, () =>
          fs.setattr(ino, { sizeBytes: step.size }, fh, this.#machine.drive.context()),
        )
      case 'fsync':
        await this.#machine.told(fs.fsync(fh, false, this.#machine.drive.context()))
        return this.#ledger.promise(slot.thing)
      case 'close':
        this.#slots.delete(step.slot)
        return this.#close(slot)
    }
  }

  async #write(slot: OpenSlot, at: number, length: number): Promise<void> {
    const { thing, file } = slot
    const { text } = thing
    const data = this.#word(length)
    this.#ledger.change(thing, text.padEnd(at, '\0').slice(0, at) + data + text.slice(at + length))
    slot.hasChanged = true
    await this.#machine.told(this.#machine.drive.write(file, data, at))
  }

  async #cut(thing: Thing, size: number, work: () => Promise<unknown>): Promise<void> {
    if (thing.text.length !== size) this.#ledger.change(thing, thing.text.padEnd(size, '\0').slice(0, size))
    await this.#machine.told(work())
  }

  async #close({ thing, file, hasChanged }: OpenSlot): Promise<void> {
    await this.#machine.told(this.#machine.drive.close(file))
    if (hasChanged && thing.place) this.#ledger.promise(thing)
  }

  #rename(from: string, to: string): Promise<void> {
    const thing = this.#ledger.at(from)
    if (!thing || from === to) return Promise.resolve()
    this.#ledger.move(thing, to)
    return this.#machine.told(this.#machine.drive.rename(from, to))
  }

  async #copy({ path, to }: StepOf<'copy'>): Promise<void> {
    const source = this.#file(path)
    if (!source || !this.#isFree(to)) return
    const drive = this.#machine.drive
    const [from, slot] = [await this.#machine.told(drive.open(path)), await this.#create(to)]
    this.#ledger.change(slot.thing, source.text)
    const ranges = [
      { fh: from.fh, offset: 0 },
      { fh: slot.file.fh, offset: 0 },
    ] as const
    await this.#machine.told(drive.fs.copyRange(...ranges, 1 << 20, drive.context()))
    await this.#close(slot)
    await this.#machine.told(drive.close(from))
  }

  async #setAttribute(step: StepOf<'chmod' | 'note'>): Promise<void> {
    const thing = this.#file(step.path)
    if (!thing) return
    this.#ledger.setAttributes(thing, step.do === 'chmod' ? { mode: step.mode } : { note: step.value })
    await this.#machine.told<unknown>(
      step.do === 'chmod'
        ? this.#machine.drive.setattr(step.path, { mode: step.mode })
        : this.#machine.drive.setxattr(step.path, noteName, step.value),
    )
  }

  async #fsyncFolder(): Promise<void> {
    const { fs } = this.#machine.drive
    const { fh } = await fs.opendir(await this.#machine.drive.ino('f'), this.#machine.drive.context())
    await this.#machine.told(fs.fsyncdir(fh, this.#machine.drive.context()))
    this.#ledger.promise()
    await fs.releasedir(fh)
  }

  /** Unlike every other, as long as `length`. */
  #word(length: number): string {
    this.#words += 1
    return `${this.#words};`
      .padStart(6, '#')
      .repeat(Math.ceil(length / 6))
      .slice(0, length)
  }

  #file(path: string): Thing | undefined {
    const thing = this.#ledger.at(path)
    return thing?.kind === 'file' ? thing : undefined
  }

  #folder(path: string): Thing | undefined {
    const thing = this.#ledger.at(path)
    return thing?.kind === 'folder' ? thing : undefined
  }

  /** Nothing is there, and its folder is. */
  #isFree(path: string): boolean {
    return !this.#ledger.at(path) && this.#folder(path.slice(0, path.lastIndexOf('/'))) !== undefined
  }
}
