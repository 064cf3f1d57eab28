/**
 * Who signed in on this machine. The list of accounts is a file without secrets; the tokens are in the vault, one entry an
 * account, so that two processes never overwrite each other's.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { writeFileAtomic } from '../base/atomic-file.ts'
import { messageOf } from '../base/error-message.ts'
import { FallbackVault, type Keyring, type SecretVault } from './secret-vault.ts'
import type { Account, SignedInAccount } from './sign-in.ts'
import type { TokenPair } from './token-source.ts'

export interface AccountStoreOptions {
  /** Made with mode 0700 when something is stored. */
  readonly folder: string
  readonly keyring: Keyring | undefined
  /** There is no keyring: the tokens went into this file. Called once for an account. */
  readonly onPlainFile: (path: string) => void
}

const FORMAT_VERSION = 1
const FILE = 'accounts.json'

const accountSchema = z.object({
  url: z.string(),
  userId: z.string(),
  email: z.string(),
  nickname: z.string(),
})
const fileSchema = z.object({ version: z.number(), accounts: z.array(accountSchema) })
const tokenSchema = z.object({
  accessToken: z.string(),
  refreshToken: z.string(),
  accessExpiresAtMs: z.number(),
  refreshExpiresAtMs: z.number(),
})

/** Something about the stored accounts that a person has to put right. */
export class AccountStoreError extends Error {
  override readonly name = 'AccountStoreError'
}

export class AccountStore {
  readonly #folder: string
  readonly #vault: SecretVault

  constructor({ folder, keyring, onPlainFile }: AccountStoreOptions) {
    this.#folder = folder
    this.#vault = new FallbackVault({ folder: join(folder, 'tokens'), keyring, onPlainFile })
  }

  /** The default account first. */
  async list(): Promise<Account[]> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
    return this.#parse(text)
  }

  /**
   * The account that `selector` means: e-mail, `e-mail@host`, user id or server address; the default one without it.
   * @throws {AccountStoreError} when it means none or several
   */
  async find(selector?: string): Promise<Account> {
    const accounts = await this.list()
    const found =
      selector === undefined ? accounts.slice(0, 1) : accounts.filter((one) => isMeant(one, selector))
    const [account] = found
    if (account && found.length === 1) return account
    if (accounts.length === 0)
      throw new AccountStoreError('nobody is signed in: use "cloudreve-mount login <url>"')
    const names = (found.length > 1 ? found : accounts).map(accountName).join(', ')
    const problem =
      found.length > 1 ? `"${selector}" means several accounts` : `"${selector}" is not signed in`
    throw new AccountStoreError(`${problem}; name one of: ${names}`)
  }

  /** Stores a sign-in; it becomes the default account. */
  async save({ account, tokens }: SignedInAccount): Promise<void> {
    await this.saveTokens(account, tokens)
    const others = (await this.list()).filter((other) => !isSame(other, account))
    await this.#write([account, ...others])
  }

  async saveTokens(account: Account, tokens: TokenPair): Promise<void> {
    await this.#vault.write(secretName(account), JSON.stringify(tokens))
  }

  /** @throws {AccountStoreError} when the tokens are gone: the account has to sign in again */
  async tokens(account: Account): Promise<TokenPair> {
    const stored = await this.#readSecret(account)
    const parsed = tokenSchema.safeParse(stored === undefined ? undefined : parseJson(stored))
    if (parsed.success) return parsed.data
    throw new AccountStoreError(`the sign-in of ${accountName(account)} is lost: sign in again`)
  }

  /** Forgets the account and its tokens. Signing out at the server is another matter. */
  async remove(account: Account): Promise<void> {
    await this.#vault.remove(secretName(account))
    await this.#write((await this.list()).filter((other) => !isSame(other, account)))
  }

  async #readSecret(account: Account): Promise<string | undefined> {
    try {
      return await this.#vault.read(secretName(account))
    } catch (cause) {
      const reason = messageOf(cause)
      throw new AccountStoreError(
        `the sign-in of ${accountName(account)} cannot be read (${reason}): sign in again`,
        {
          cause,
        },
      )
    }
  }

  #parse(text: string): Account[] {
    const parsed = fileSchema.safeParse(parseJson(text))
    if (!parsed.success) throw new AccountStoreError(`${this.#path} is damaged: remove it and sign in again`)
    if (parsed.data.version > FORMAT_VERSION) {
      throw new AccountStoreError(`${this.#path} was written by a newer version of this program`)
    }
    return parsed.data.accounts
  }

  async #write(accounts: readonly Account[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await writeFileAtomic(
      this.#path,
      `${JSON.stringify({ version: FORMAT_VERSION, accounts }, undefined, 2)}\n`,
    )
  }

  get #path(): string {
    return join(this.#folder, FILE)
  }
}

/** `ann@example.com at cloud.example.com` */
export function accountName({ email, url }: Account): string {
  return `${email} at ${new URL(url).host}`
}

function isSame(a: Account, b: Account): boolean {
  return a.url === b.url && a.userId === b.userId
}

function isMeant(account: Account, selector: string): boolean {
  const { host } = new URL(account.url)
  const names = [
    account.email,
    `${account.email}@${host}`,
    accountName(account),
    account.userId,
    account.url,
    host,
  ]
  return names.some((name) => name.toLowerCase() === selector.toLowerCase())
}

/** Fit for a file name: readable, and distinct for each server. */
function secretName({ url, userId, email }: Account): string {
  const digest = createHash('sha256').update(`${url}\n${userId}`).digest('hex').slice(0, 12)
  return `${email}-${digest}`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
