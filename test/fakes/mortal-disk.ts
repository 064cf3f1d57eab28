import { nodeFileLayer, type FileLayer, type LocalFile } from '../../src/base/file-layer.ts'

/** A local disk whose process dies after so many appends or steps: from then on nothing reaches it, and nobody is answered. */
export class MortalDisk {
  #appendsLeft = Infinity
  #stepsLeft = Infinity
  #isDead = false
  #path = /./
  #stalled: RegExp | undefined
  #isStalling = false

  /** An append that was to be stalled has come. */
  get isStalling(): boolean {
    return this.#isStalling
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** `path` of the files whose appends count. */
  dieAfter(appends: number, path: RegExp): void {
    this.#appendsLeft = appends
    this.#path = path
  }

  /** So many steps are taken from now on. */
  dieAfterSteps(steps: number): void {
    this.#stepsLeft = steps
  }

  /** What has not died by now does not die any more. */
  live(): void {
    this.#appendsLeft = Infinity
    this.#stepsLeft = Infinity
  }

  /** Appends of what looks like this do not come to their end from now on. */
  stallAppends(text: RegExp): void {
    this.#stalled = text
  }

  readonly layer: FileLayer = {
    open: (path, how) => this.#step(async () => this.#file(path, await nodeFileLayer.open(path, how))),
    replace: (...words) => this.#step(() => nodeFileLayer.replace(...words)),
    rename: (...words) => this.#step(() => nodeFileLayer.rename(...words)),
    remove: (path) => this.#step(() => nodeFileLayer.remove(path)),
    makeFolder: (folder) => this.#step(() => nodeFileLayer.makeFolder(folder)),
    exists: (path) => nodeFileLayer.exists(path),
    stat: (path) => nodeFileLayer.stat(path),
    list: (folder) => nodeFileLayer.list(folder),
    readWhole: (path) => nodeFileLayer.readWhole(path),
    space: (folder) => nodeFileLayer.space(folder),
    syncFolder: (folder) => this.#step(() => nodeFileLayer.syncFolder(folder)),
  }

  #file(path: string, file: LocalFile): LocalFile {
    return {
      fd: file.fd,
      read: (into, position) => this.#step(() => file.read(into, position)),
      write: (data, position) => this.#step(() => file.write(data, position)),
      append: (data) => this.#step(() => this.#append(path, file, data)),
      truncate: (sizeBytes) => this.#step(() => file.truncate(sizeBytes)),
      sizeBytes: () => file.sizeBytes(),
      datasync: () => this.#step(() => file.datasync()),
      close: () => file.close(),
    }
  }

  async #append(path: string, file: LocalFile, data: Uint8Array): Promise<void> {
    if (this.#stalled?.test(Buffer.from(data).toString())) {
      this.#isStalling = true
      await never()
    }
    await file.append(data)
    if (!this.#path.test(path)) return
    this.#appendsLeft -= 1
    if (this.#appendsLeft <= 0) this.#isDead = true
    if (this.#isDead) await never()
  }

  #step<T>(take: () => Promise<T>): Promise<T> {
    this.#stepsLeft -= 1
    if (this.#stepsLeft < 0) this.#isDead = true
    return this.#isDead ? never() : take()
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined)
}
