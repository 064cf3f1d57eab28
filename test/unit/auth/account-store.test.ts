import { mkdtemp, readFile, rm, stat, writeFile, readdir, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AccountStore } from '../../../src/auth/account-store.ts'
import type { Keyring } from '../../../src/auth/secret-vault.ts'
import type { Account } from '../../../src/auth/sign-in.ts'

let folder: string
let announced: string[]

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'accounts-')), 'config')
  announced = []
})

afterEach(() => rm(join(folder, '..'), { recursive: true }))

class MemoryKeyring implements Keyring {
  readonly secrets = new Map<string, string>()
  broken = false

  get = (name: string) => this.#use(() => this.secrets.get(name))
  set = (name: string, secret: string) => this.#use(() => void this.secrets.set(name, secret))
  remove = (name: string) => this.#use(() => void this.secrets.delete(name))

  #use<T>(work: () => T): Promise<T> {
    return this.broken ? Promise.reject(new Error('no secret service')) : Promise.resolve(work())
  }
}

function storeWith(keyring?: Keyring): AccountStore {
  return new AccountStore({ folder, keyring, onPlainFile: (path) => announced.push(path) })
}

const account = (email: string, url = 'https://cloud.example.com'): Account => ({
  url,
  userId: `id-${email}`,
  email,
  nickname: email.split('@')[0] ?? '',
})
const tokens = (value: string) => ({
  accessToken: `access-${value}`,
  refreshToken: `refresh-${value}`,
  accessExpiresAtMs: 1,
  refreshExpiresAtMs: 2,
})
const ann = account('ann@example.com')
const bob = account('bob@example.com')

describe('accounts', () => {
  it('come back, the one that signed in last first', async () => {
    const store = storeWith()
    expect(await store.list()).toEqual([])
    await store.save({ account: ann, tokens: tokens('a') })
    await store.save({ account: bob, tokens: tokens('b') })
    await store.save({ account: ann, tokens: tokens('a2') })
    expect(await storeWith().list()).toEqual([ann, bob])
    expect(await storeWith().tokens(ann)).toEqual(tokens('a2'))
    expect(await storeWith().tokens(bob)).toEqual(tokens('b'))
  })

  it('are found by what a person calls them', async () => {
    const store = storeWith()
    const elsewhere = account('ann@example.com', 'https://other.example.org')
    for (const one of [elsewhere, bob, ann]) await store.save({ account: one, tokens: tokens('x') })
    expect(await store.find()).toEqual(ann)
    expect(await store.find('BOB@example.com')).toEqual(bob)
    expect(await store.find('ann@example.com@other.example.org')).toEqual(elsewhere)
    expect(await store.find('https://other.example.org')).toEqual(elsewhere)
    await expect(store.find('ann@example.com')).rejects.toThrow(
      /several accounts.*ann@example\.com at cloud\.example\.com/,
    )
    await expect(store.find('eve@example.com')).rejects.toThrow(/not signed in/)
  })

  it('are asked for in words when there are none', async () => {
    await expect(storeWith().find()).rejects.toThrow(/cloudreve-mount login/)
  })

  it('of a newer version of the program are left alone', async () => {
    await storeWith().save({ account: ann, tokens: tokens('a') })
    await writeFile(join(folder, 'accounts.json'), '{"version":2,"accounts":[]}')
    await expect(storeWith().list()).rejects.toThrow(/newer version/)
    await writeFile(join(folder, 'accounts.json'), '{"version":1')
    await expect(storeWith().list()).rejects.toThrow(/damaged/)
  })

  it('are gone with their tokens after removal', async () => {
    const store = storeWith()
    await store.save({ account: ann, tokens: tokens('a') })
    await store.remove(ann)
    expect(await store.list()).toEqual([])
    await expect(store.tokens(ann)).rejects.toThrow(/sign in again/)
  })
})

describe('tokens', () => {
  it('go into the keyring, and nothing secret into any file', async () => {
    const keyring = new MemoryKeyring()
    const store = storeWith(keyring)
    await store.save({ account: ann, tokens: tokens('secret') })
    expect(await store.tokens(ann)).toEqual(tokens('secret'))
    expect(announced).toEqual([])
    expect(await readFile(join(folder, 'accounts.json'), 'utf8')).not.toContain('secret')
    expect(await readdir(folder)).toEqual(['accounts.json'])
  })

  it('go into a file that only the user can read where there is no keyring, and that is said once', async () => {
    const keyring = new MemoryKeyring()
    keyring.broken = true
    const store = storeWith(keyring)
    await store.save({ account: ann, tokens: tokens('1') })
    await store.saveTokens(ann, tokens('2'))
    expect(await store.tokens(ann)).toEqual(tokens('2'))
    expect(announced.length).toBe(1)
    const [path = ''] = announced
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder, 'tokens'))).mode & 0o777).toBe(0o700)
    await chmod(path, 0o644)
    await store.tokens(ann)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('in a keyring that cannot be used any more are asked for in words', async () => {
    const keyring = new MemoryKeyring()
    await storeWith(keyring).save({ account: ann, tokens: tokens('1') })
    keyring.broken = true
    await expect(storeWith(keyring).tokens(ann)).rejects.toThrow(
      /ann@example\.com .*no secret service.*sign in again/,
    )
  })

  it('move from the file into a keyring that came later', async () => {
    const keyring = new MemoryKeyring()
    keyring.broken = true
    await storeWith(keyring).save({ account: ann, tokens: tokens('1') })
    keyring.broken = false
    const store = storeWith(keyring)
    expect(await store.tokens(ann)).toEqual(tokens('1'))
    await store.saveTokens(ann, tokens('2'))
    expect(await readdir(join(folder, 'tokens'))).toEqual([])
    expect(await store.tokens(ann)).toEqual(tokens('2'))
  })
})
