/**
 * Where tokens rest: the desktop's keyring, or, where there is none, one file a secret that nobody else can read. A secret is
 * in one of the two; the file wins, because a secret that reached the keyring removes its file.
 */
import { chmod, mkdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../base/atomic-file.ts'

export interface SecretVault {
  read(name: string): Promise<string | undefined>
  write(name: string, secret: string): Promise<void>
  remove(name: string): Promise<void>
}

/** A keyring service. Every method rejects when there is no such service. */
export interface Keyring {
  get(name: string): Promise<string | undefined>
  set(name: string, secret: string): Promise<void>
  remove(name: string): Promise<void>
}

export interface SecretVaultOptions {
  /** For the files; made with mode 0700. */
  readonly folder: string
  /** undefined = files only. */
  readonly keyring: Keyring | undefined
  /** A secret goes into a file for the first time: somebody should be told, once. */
  readonly onPlainFile: (path: string) => void
}

const SECRET_MODE = 0o600
const FOLDER_MODE = 0o700

export class FallbackVault implements SecretVault {
  readonly #options: SecretVaultOptions

  constructor(options: SecretVaultOptions) {
    this.#options = options
  }

  /** Rejects when only a keyring could have the secret, and it cannot be used. */
  async read(name: string): Promise<string | undefined> {
    return (await this.#readFile(name)) ?? this.#options.keyring?.get(name)
  }

  async write(name: string, secret: string): Promise<void> {
    const stored = await this.#withKeyring(async (keyring) => {
      await keyring.set(name, secret)
      return true
    }, false)
    if (stored) return this.#removeFile(name)
    const isNew = (await this.#readFile(name)) === undefined
    await mkdir(this.#options.folder, { recursive: true, mode: FOLDER_MODE })
    await writeFileAtomic(this.#path(name), secret, SECRET_MODE)
    if (isNew) this.#options.onPlainFile(this.#path(name))
  }

  async remove(name: string): Promise<void> {
    await this.#removeFile(name)
    await this.#withKeyring((keyring) => keyring.remove(name), undefined)
  }

  /** A keyring that cannot be used (none installed, nobody logged in) is an ordinary state: the file serves. */
  async #withKeyring<T>(use: (keyring: Keyring) => Promise<T>, otherwise: T): Promise<T> {
    const { keyring } = this.#options
    if (!keyring) return otherwise
    return use(keyring).catch(() => otherwise)
  }

  async #readFile(name: string): Promise<string | undefined> {
    try {
      const secret = await readFile(this.#path(name), 'utf8')
      // Restored from a backup or copied by hand: nobody else gets to read it any longer.
      await chmod(this.#path(name), SECRET_MODE)
      return secret
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async #removeFile(name: string): Promise<void> {
    try {
      await unlink(this.#path(name))
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }

  #path(name: string): string {
    return join(this.#options.folder, `${name.replace(/[^\w.@-]/g, '_')}.token`)
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
