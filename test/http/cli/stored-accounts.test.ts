/** Signing in as the command line does it, against the embedded server. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AccountStore } from '../../../src/auth/account-store.ts'
import { accountSelector, StoredAccounts } from '../../../src/cli/accounts.ts'
import { exitCodes } from '../../../src/cli/exit-codes.ts'
import { oneTimeCode, startServer, type EmbeddedServer } from '../../../src/server/index.ts'

const secret = 'JBSWY3DPEHPK3PXP'
const users = [
  { email: 'ann@example.com', password: 'correct-horse', nickname: 'Ann' },
  { email: 'ben@example.com', password: 'battery-staple', twoFactorSecret: secret },
]
let server: EmbeddedServer
let folder: string
let accounts: StoredAccounts

beforeAll(async () => {
  server = await startServer({ users })
  folder = mkdtempSync(join(tmpdir(), 'accounts-'))
  accounts = new StoredAccounts(
    new AccountStore({ folder, keyring: undefined, onPlainFile: () => undefined }),
  )
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

describe('signing in', () => {
  it('keeps the account without the password, where only the owner can read', async () => {
    const account = await accounts.signIn(server.url, { email: 'ann@example.com', password: 'correct-horse' })
    expect(account).toMatchObject({ nickname: 'Ann', url: server.url })
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    )
    expect(files.length).toBeGreaterThan(0)
    for (const { parentPath, name } of files) {
      expect(readFileSync(join(parentPath, name), 'utf8')).not.toContain('correct-horse')
      expect(statSync(join(parentPath, name)).mode & 0o077).toBe(0)
    }
  })

  it('makes the account findable by what a mount is told, and the last one the default', async () => {
    const codes = { twoFactorCode: () => Promise.resolve(oneTimeCode(secret, Math.floor(Date.now() / 1000))) }
    const ben = await accounts.signIn(server.url, {
      email: 'ben@example.com',
      password: 'battery-staple',
      prompts: codes,
    })
    expect(await accounts.find(undefined)).toEqual(ben)
    const [, ann] = await accounts.list()
    expect(await accounts.find(accountSelector(ann!))).toEqual(ann)
  })

  it('with a wrong password is told from a server that cannot be reached', async () => {
    const request = { email: 'ann@example.com', password: 'wrong-wrong' }
    await expect(accounts.signIn(server.url, request)).rejects.toMatchObject({ exitCode: exitCodes.signIn })
    await expect(accounts.signIn('not an address', request)).rejects.toMatchObject({
      exitCode: exitCodes.usage,
    })
  })

  it('out forgets the account', async () => {
    const ann = await accounts.find('ann@example.com')
    expect(await accounts.signOut(ann)).toBe(true)
    await expect(accounts.find('ann@example.com')).rejects.toMatchObject({ exitCode: exitCodes.usage })
  })
})
