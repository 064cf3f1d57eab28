import { constants } from 'node:fs'
import type { Ino } from '../../../src/core/types.ts'
import type { OpenedFile } from '../../fakes/test-drive.ts'
import { noteName, type Client } from './client.ts'
import type { Ledger } from './ledger.ts'
import type { OperationOf, ProgramOperation } from './operations.ts'

interface OpenFile {
  readonly opened: OpenedFile
  readonly path: string
  /** It was deleted, or replaced, from here: what is written to it now is nobody's loss. */
  isDeleted: boolean
}

interface Loaded {
  readonly path: string
  readonly content: string
}

/** Processes that are no editor: each operation is one of its own. */
const firstPid = 1_000
const editorPid = 700
const watcherPid = 2

/** The programs of one client: what they do to its drive, and what the ledger has to know of it. */
export class Programs {
  readonly #client: Client
  readonly #ledger: Ledger
  readonly #open = new Map<number, OpenFile>()
  readonly #loaded = new Map<number, Loaded>()
  /** Contents that programs here have brought to a path, whoever wrote them: `path:content`. */
  readonly #brought = new Set<string>()
  #pid = firstPid

  constructor(client: Client, ledger: Ledger) {
    this.#client = client
    this.#ledger = ledger
  }

  /** What they had open is gone with the process that served it. */
  forget(): void {
    this.#open.clear()
    this.#loaded.clear()
  }

  async closeAll(): Promise<void> {
    for (const handle of this.#open.keys()) await this.#close(handle)
  }

  async run(operation: ProgramOperation): Promise<void> {
    this.#pid += 1
    const { drive } = this.#client
    switch (operation.do) {
      case 'save':
        return this.#save(operation.path)
      case 'change':
        return this.#change(operation)
      case 'unlink':
        return this.#unlink(operation.path)
      case 'rename':
        return this.#rename(operation.path, operation.to)
      case 'mkdir':
        return this.#tries(() => drive.mkdir(operation.path))
      case 'rmdir':
        return this.#tries(() => drive.rmdir(operation.path))
      case 'removeTree':
        return this.#removeTree(operation.path)
      case 'renameFolder':
        return this.#tries(() => drive.rename(operation.path, operation.to))
      case 'copy':
        return this.#copy(operation)
      case 'chmod':
        return this.#tries(async () => void (await drive.setattr(operation.path, { mode: operation.mode })))
      case 'touch':
        return this.#tries(async () => {
          await drive.setattr(operation.path, { mtime: { seconds: operation.seconds, nanoseconds: 0 } })
        })
      case 'note':
        return this.#tries(() => drive.setxattr(operation.path, noteName, operation.value))
      case 'look':
        return void (await this.#client.shown(operation.path, watcherPid))
      case 'list':
        return this.#tries(async () => void (await drive.names(operation.path)))
      case 'load':
        return this.#load(operation)
      case 'edit':
        return this.#edit(operation)
      case 'open':
        return this.#openFile(operation)
      case 'write':
        return this.#write(operation)
      case 'close':
        return this.#close(operation.handle)
      default:
        return operation satisfies never
    }
  }

  async #tries(work: () => Promise<void>): Promise<void> {
    await this.#client.tries(work)
  }

  /** A new file where there is none. */
  async #save(path: string): Promise<void> {
    const { drive } = this.#client
    await this.#tries(async () => {
      const isThere = await drive.exists(path)
      const opened = isThere ? this.#client.openToWrite(path, this.#pid) : drive.create(path)
      await this.#using(opened, async (file) => {
        const before = await drive.read(file)
        if (isThere) await this.#client.truncate(file)
        this.#ledger.gaveUp(before)
        await this.#put(file, `saved ${path}`)
      })
    })
  }

  async #change({ path, how }: OperationOf<'change'>): Promise<void> {
    await this.#tries(() =>
      this.#using(this.#client.openToWrite(path, this.#pid), (file) =>
        this.#writeTo(file, how, `changed ${path}`),
      ),
    )
  }

  /** Closes it whatever happens, as the kernel does for a program that gives up. */
  async #using(opened: Promise<OpenedFile>, work: (file: OpenedFile) => Promise<void>): Promise<void> {
    const file = await opened
    try {
      await work(file)
    } finally {
      await this.#client.drive.close(file)
    }
  }

  /** A whole content, into a file that has none. */
  async #put(file: OpenedFile, how: string): Promise<void> {
    const { drive, name } = this.#client
    const content = this.#ledger.word(name)
    await drive.write(file, content)
    this.#ledger.wrote(content, `${name} ${how}`, name)
  }

  async #writeTo(file: OpenedFile, how: 'append' | 'patch', what: string): Promise<void> {
    const { drive, name } = this.#client
    const before = await drive.read(file)
    const word = this.#ledger.word(name)
    await drive.write(file, word, how === 'append' ? before.length : 0)
    this.#ledger.gaveUp(before)
    const content = how === 'append' ? before + word : word + before.slice(word.length)
    this.#ledger.changed(before, content, `${name} ${what}`, name)
  }

  async #unlink(path: string): Promise<void> {
    const shown = await this.#client.shown(path, this.#pid)
    if (shown === undefined) return
    await this.#tries(async () => {
      const ino = await this.#client.drive.ino(path)
      // While the server could not be asked the old one was shown.
      if ((await this.#client.shown(path, this.#pid)) !== shown) return
      await this.#client.drive.unlink(path)
      this.#deleted(ino, shown)
    })
  }

  #deleted(ino: Ino, content: string): void {
    this.#ledger.gaveUp(content)
    this.#disowned(ino)
  }

  #disowned(ino: Ino): void {
    for (const file of this.#open.values()) if (file.opened.ino === ino) file.isDeleted = true
  }

  /** Whatever has the new name is replaced, having been looked at. */
  async #rename(from: string, to: string): Promise<void> {
    if (from === to) return
    const { drive } = this.#client
    let isTaken = false
    const isKnown = await this.#client.tries(async () => {
      isTaken = await drive.exists(to)
    })
    const target = isTaken ? await this.#client.shown(to, this.#pid) : ''
    if (!isKnown || target === undefined) return
    this.#ledger.gaveUp(target)
    const shown = await this.#client.shown(from, watcherPid)
    await this.#tries(async () => {
      const ino = isTaken ? await drive.ino(to) : undefined
      await drive.rename(from, to, {}, this.#pid)
      if (ino !== undefined) this.#deleted(ino, target)
    })
    // Its bytes become the other's: what somebody else has done to the file itself meanwhile keeps that.
    if (isTaken && shown !== undefined) this.#ledger.mayBeTwice(shown)
    this.#brought.add(`${to}:${shown}`)
  }

  /** What is there is looked at before it is replaced. The content is there twice then; who gives one up gives up both. */
  async #copy({ path, to }: OperationOf<'copy'>): Promise<void> {
    if (path === to) return
    const { drive } = this.#client
    await this.#tries(async () => {
      const isThere = await drive.exists(to)
      await this.#using(this.#client.openToWrite(path, this.#pid), async (source) => {
        const content = await drive.read(source)
        const opened = isThere ? this.#client.openToWrite(to, this.#pid) : drive.create(to)
        await this.#using(opened, async (target) => {
          const before = await drive.read(target)
          this.#ledger.mayBeTwice(content)
          if (isThere) await this.#client.truncate(target)
          if (before !== content) this.#ledger.gaveUp(before)
          await this.#client.copyRange(source, target)
          this.#brought.add(`${to}:${content}`)
        })
      })
    })
  }

  async #removeTree(path: string): Promise<void> {
    const names: string[] = []
    await this.#tries(async () => void names.push(...(await this.#client.drive.names(path))))
    for (const name of names) {
      const at = `${path}/${name}`
      let isFolder = false
      await this.#tries(async () => {
        isFolder = (await this.#client.drive.stat(at)).kind === 'folder'
      })
      await (isFolder ? this.#removeTree(at) : this.#unlink(at))
    }
    await this.#tries(() => this.#client.drive.rmdir(path))
  }

  async #load({ editor, path }: OperationOf<'load'>): Promise<void> {
    const content = await this.#client.shown(path, editorPid + editor)
    if (content !== undefined) this.#loaded.set(editor, { path, content })
  }

  /** What it loaded is replaced, and what programs of this machine have put in its place since; nothing else. */
  async #edit({ editor, how }: OperationOf<'edit'>): Promise<void> {
    const loaded = this.#loaded.get(editor)
    if (!loaded) return
    const { path } = loaded
    const pid = editorPid + editor
    const shown = await this.#client.shown(path, watcherPid)
    if (shown === undefined) return
    this.#ledger.gaveUp(loaded.content)
    if (this.#ledger.isBy(shown, this.#client.name) || this.#brought.has(`${path}:${shown}`))
      this.#ledger.gaveUp(shown)
    this.#loaded.delete(editor)
    if (how === 'in place') return this.#tries(() => this.#editInPlace(path, pid))
    return this.#tries(async () => {
      const ino = await this.#client.drive.ino(path)
      await (how === 'over' ? this.#editOver(path, pid) : this.#editBySwap(path, pid))
      this.#disowned(ino)
    })
  }

  async #editInPlace(path: string, pid: number): Promise<void> {
    const { drive } = this.#client
    const opened = drive.open(path, constants.O_WRONLY | constants.O_TRUNC, pid)
    await this.#using(opened, (file) => this.#put(file, `edited ${path}`))
  }

  async #editOver(path: string, pid: number): Promise<void> {
    const { drive } = this.#client
    await this.#make(`${path}.tmp`, `edited ${path}`)
    await drive.rename(`${path}.tmp`, path, {}, pid)
  }

  async #editBySwap(path: string, pid: number): Promise<void> {
    const { drive } = this.#client
    await drive.rename(path, `${path}~`, {}, pid)
    await this.#make(path, `edited ${path}`)
    await drive.unlink(`${path}~`, pid)
  }

  async #make(path: string, how: string): Promise<void> {
    await this.#using(this.#client.drive.create(path), (file) => this.#put(file, how))
  }

  async #openFile({ handle, path }: OperationOf<'open'>): Promise<void> {
    await this.#close(handle)
    await this.#tries(async () => {
      const opened = await this.#client.openToWrite(path, this.#pid)
      this.#open.set(handle, { opened, path, isDeleted: false })
    })
  }

  async #write({ handle, how }: OperationOf<'write'>): Promise<void> {
    const file = this.#open.get(handle)
    if (!file || file.isDeleted) return
    await this.#tries(() => this.#writeTo(file.opened, how, `wrote to ${file.path}, which it had open`))
  }

  async #close(handle: number): Promise<void> {
    const file = this.#open.get(handle)
    if (!file) return
    this.#open.delete(handle)
    await this.#tries(() => this.#client.drive.close(file.opened))
  }
}
