import { PosixError, type Engine, type Handle } from '../conformance/engine.ts'
import { Comparison } from './comparison.ts'
import { poolNames, type Operation, type OperationOf, type PathPick } from './operations.ts'
import { bytes, runOnAttributes, runOnPath, runSave } from './path-operations.ts'
import type { RefHandle } from './reference.ts'

interface OpenPair {
  readonly handle: Handle
  readonly reference: RefHandle
}

type HandleOperation = OperationOf<
  'handleWrite' | 'handleRead' | 'handleTruncate' | 'handleStat' | 'handleSync'
>

const deepestFolder = 4
const mostHandles = 6

/** Runs operations on an engine and on the reference, and compares every answer. */
export class ModelRun {
  readonly #both: Comparison
  readonly #open: OpenPair[] = []

  constructor(engine: Engine) {
    this.#both = new Comparison(engine)
  }

  /** Any difference rejects with the operation in the message. */
  async run(operations: readonly Operation[]): Promise<void> {
    for (const [index, operation] of operations.entries()) {
      try {
        await this.#step(operation)
      } catch (error) {
        const at = `operation ${index + 1} of ${operations.length}: ${JSON.stringify(operation)}`
        throw new Error(`${at}\n${error instanceof Error ? error.message : String(error)}`, { cause: error })
      }
    }
    const { engine } = this.#both
    await this.#closeAll()
    await engine.settle()
    await this.#both.tree('after the last upload')
    await this.#both.server()
    if (engine.can.remount !== true) return
    await engine.remount!()
    await this.#both.tree('after the last remount')
    await this.#both.server()
  }

  /** Leaves nothing open, whatever happened. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.#open.splice(0).map(({ handle }) => handle.close()))
  }

  async #step(operation: Operation): Promise<void> {
    const resolve = (pick: PathPick): string => this.#resolve(pick)
    switch (operation.op) {
      case 'settle':
        return this.#settle()
      case 'remount':
        return this.#remount()
      case 'open':
        return this.#openPair(operation)
      case 'close':
        return this.#closePair(operation.handle)
      case 'handleWrite':
      case 'handleRead':
      case 'handleTruncate':
      case 'handleStat':
      case 'handleSync':
        return this.#onHandle(operation)
      case 'saveAsOffice':
      case 'saveAsVim':
        return runSave(this.#both, operation, resolve)
      case 'setxattr':
      case 'getxattr':
      case 'removexattr':
      case 'listxattr':
      case 'chmod':
      case 'utimes':
        return runOnAttributes(this.#both, operation, resolve)
      case 'writeFile':
      case 'writeAt':
      case 'append':
      case 'truncate':
      case 'copyFile':
      case 'read':
      case 'unlink':
      case 'mkdir':
      case 'rmdir':
      case 'rename':
      case 'link':
      case 'symlink':
      case 'readdir':
      case 'stat':
      case 'readlink':
        return runOnPath(this.#both, operation, resolve)
      default:
        return operation satisfies never
    }
  }

  /** With something open the server may lack what was written there; otherwise it holds everything now. */
  async #settle(): Promise<void> {
    await this.#both.engine.settle()
    if (this.#open.length === 0) await this.#both.server()
  }

  async #remount(): Promise<void> {
    const { engine } = this.#both
    if (engine.can.remount !== true) return
    await this.#closeAll()
    await engine.settle()
    await engine.remount!()
    await this.#both.tree('after a remount')
  }

  async #openPair({ path, mode }: OperationOf<'open'>): Promise<void> {
    if (this.#open.length >= mostHandles) await this.#closePair(0)
    const at = this.#resolve(path)
    let handle: Handle | undefined
    let reference: RefHandle | undefined
    try {
      await this.#both.both(
        async () => {
          handle = await openFile(this.#both.engine, at, mode)
        },
        () => {
          reference = this.#both.reference.open(at, mode)
        },
      )
    } catch (error) {
      await handle?.close()
      throw error
    }
    if (handle && reference) this.#open.push({ handle, reference })
  }

  async #closePair(index: number): Promise<void> {
    if (this.#open.length === 0) return
    const [pair] = this.#open.splice(index % this.#open.length, 1)
    await pair!.handle.close()
  }

  async #closeAll(): Promise<void> {
    while (this.#open.length > 0) await this.#closePair(0)
  }

  async #onHandle(operation: HandleOperation): Promise<void> {
    if (this.#open.length === 0) return
    const { handle, reference } = this.#open[operation.handle % this.#open.length]!
    const model = this.#both.reference
    switch (operation.op) {
      case 'handleWrite': {
        const data = bytes(operation.content)
        return this.#both.both(
          () => handle.write(data, operation.offset),
          () => model.write(reference, operation.offset, data),
        )
      }
      case 'handleRead':
        return this.#both.both(
          () => handle.read(operation.offset, operation.length),
          () => model.read(reference, operation.offset, operation.length),
        )
      case 'handleTruncate':
        return this.#both.both(
          () => handle.truncate(operation.sizeBytes),
          () => model.truncateHandle(reference, operation.sizeBytes),
        )
      case 'handleStat':
        return this.#both.stat(await handle.stat(), reference.node)
      case 'handleSync':
        return handle.fsync()
      default:
        return operation satisfies never
    }
  }

  #resolve({ at, n, m }: PathPick): string {
    const [first, second] = [poolNames[n % poolNames.length]!, poolNames[m % poolNames.length]!]
    if (at === 'pool') return n % 2 === 0 ? `${first}/${second}` : second
    const { reference } = this.#both
    if (at === 'fresh') {
      const folders = ['', ...reference.paths('folder')].filter((path) => depthOf(path) < deepestFolder)
      const folder = folders[n % folders.length]!
      return folder === '' ? second : `${folder}/${second}`
    }
    const paths = reference.paths(at === 'link' ? 'symlink' : at)
    return paths[n % paths.length] ?? `${first}/${second}`
  }
}

function depthOf(path: string): number {
  return path.split('/').length
}

/** A descriptor of a folder is of no use to the model: open(2) allows it for reading, read(2) then says EISDIR. */
async function openFile(engine: Engine, path: string, mode: OperationOf<'open'>['mode']): Promise<Handle> {
  const handle = await engine.open(path, mode)
  if ((await handle.stat()).kind !== 'folder') return handle
  await handle.close()
  throw new PosixError('EISDIR', path)
}
