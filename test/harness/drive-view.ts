import type { RequestMark, ServerView } from '../conformance/engine.ts'
import type { DriveClient } from './drive-client.ts'

export interface DriveViewParts {
  readonly drive: DriveClient
  /** Folder of the drive that the engine's folder is: `''` or `case-1`. */
  readonly folder: string
  /** The mount's map from names of programs to names of the server. */
  readonly toServerName: (posixName: string) => string
  /** Starts counting requests; absent for a server that does not tell. */
  readonly mark?: () => RequestMark
}

/** A folder of the drive as the suites look at it, by the names that programs use. */
export class DriveView implements ServerView {
  readonly #parts: DriveViewParts

  constructor(parts: DriveViewParts) {
    this.#parts = parts
  }

  bytes(path: string): Promise<Buffer> {
    return this.#parts.drive.bytes(this.#at(path))
  }

  async names(path: string): Promise<readonly string[]> {
    return (await this.#parts.drive.list(this.#at(path))).map(({ name }) => name).sort()
  }

  async fileId(path: string): Promise<string> {
    return (await this.#parts.drive.info(this.#at(path))).id
  }

  async versionCount(path: string): Promise<number> {
    return (await this.#parts.drive.info(this.#at(path))).versions
  }

  mark(): RequestMark {
    if (!this.#parts.mark) throw new Error('this server does not count requests')
    return this.#parts.mark()
  }

  #at(path: string): string {
    const elements = path.split('/').filter((element) => element !== '')
    return [this.#parts.folder, ...elements.map(this.#parts.toServerName)].filter(Boolean).join('/')
  }
}
