import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { reportError } from '../../../src/cli/errors.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import type { CliContext } from '../../../src/cli/context.ts'
import { MountError, type MountSpec } from '../../../src/mount/spec.ts'
import { ann, FakeCli } from '../../fakes/cli-context.ts'

let folder: string
let cli: FakeCli
/** The password that the share has. */
let password: string | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-share-'))
  cli = new FakeCli()
  cli.home = folder
  cli.accounts = [ann]
  password = undefined
})
afterEach(() => rmSync(folder, { recursive: true }))

function start(spec: MountSpec): Promise<{ pid: number }> {
  cli.started.push(spec)
  const said = spec.share?.password
  if (password === undefined || said === password) return Promise.resolve({ pid: 4711 })
  const sentence =
    said === undefined ? 'the share has a password' : 'the password of the share is another one'
  return Promise.reject(new MountError(sentence, { kind: 'sharePassword' }))
}

async function run(...words: string[]): Promise<number> {
  const before = process.exitCode
  const { context } = cli
  const starter = { ...context.starter, startInBackground: start }
  const guarded: CliContext = { ...context, starter }
  try {
    await buildProgram(guarded).parseAsync(['node', 'cloudreve-mount', folder, ...words])
    return Number(process.exitCode ?? 0)
  } catch (error) {
    return reportError(context.io, error, false)
  } finally {
    process.exitCode = before
  }
}

describe('--root with a share', () => {
  it('goes through the account at the server of its link, read-only', async () => {
    cli.accounts = [{ ...ann, url: 'https://other.example.com', email: 'bob@example.com' }, ann]
    expect(await run('--root=https://cloud.example.com/s/Kd7x')).toBe(0)
    expect(cli.started[0]).toMatchObject({
      accountKey: 'ann@example.com@cloud.example.com',
      rootUri: 'cloudreve://Kd7x@share',
      readOnly: true,
      share: {},
    })
    expect(cli.started[0]!.share).toEqual({})
  })

  it('is a visitor’s where nobody is signed in at that server', async () => {
    await run('--root=https://elsewhere.example.com/s/Kd7x')
    cli.accounts = []
    await run('--root=https://cloud.example.com/s/Kd7x')
    cli.environment = { CLOUDREVE_URL: ann.url, CLOUDREVE_EMAIL: ann.email, CLOUDREVE_PASSWORD: 'x' }
    await run('--root=https://elsewhere.example.com/s/Kd7x')
    await run('--root=https://cloud.example.com/s/Kd7x')
    expect(cli.started.map(({ accountKey, share }) => [accountKey, share?.visitorOf])).toEqual([
      [null, 'https://elsewhere.example.com'],
      [null, 'https://cloud.example.com'],
      [null, 'https://elsewhere.example.com'],
      [null, undefined],
    ])
  })

  it('by its address alone is one at the server of the account', async () => {
    await run('--root=cloudreve://Kd7x@share/Sub')
    expect(cli.started[0]).toMatchObject({ rootUri: 'cloudreve://Kd7x@share/Sub', readOnly: true })
    cli.accounts = []
    expect(await run('--root=cloudreve://Kd7x@share')).toBe(4)
  })

  it('does not go through an account at another server', async () => {
    expect(await run('--account=ann', '--root=https://elsewhere.example.com/s/Kd7x')).toBe(2)
    expect(cli.started).toEqual([])
  })

  it.each(['https://cloud.example.com/s/Kd7x/hunter2', 'cloudreve://Kd7x:hunter2@share'])(
    'is refused with a password in it, which nobody repeats: %s',
    async (root) => {
      expect(await run(`--root=${root}`)).toBe(2)
      expect(cli.err.join('\n')).toContain('CLOUDREVE_SHARE_PASSWORD')
      expect(cli.err.join('\n')).not.toContain('hunter2')
      expect(cli.started).toEqual([])
    },
  )

  it('takes the password from the environment, and asks for none', async () => {
    password = 'right'
    cli.environment = { CLOUDREVE_SHARE_PASSWORD: 'right' }
    expect(await run('--root=https://cloud.example.com/s/Kd7x')).toBe(0)
    cli.typed = ['right']
    cli.environment = { CLOUDREVE_SHARE_PASSWORD: 'wrong' }
    expect(await run('--root=https://cloud.example.com/s/Kd7x')).toBe(4)
    expect(cli.questions).toEqual([])
    expect(cli.err).toEqual(['cloudreve-mount: the password of the share is another one'])
  })

  it('asks for the password where there is one, three times at most', async () => {
    cli.typed = []
    expect(await run('--root=https://cloud.example.com/s/Kd7x')).toBe(0)
    expect(cli.questions).toEqual([])
    password = 'right'
    cli.typed = ['mistyped', 'right']
    expect(await run('--root=https://cloud.example.com/s/Kd7x')).toBe(0)
    expect(cli.started.at(-1)!.share).toEqual({ password: 'right' })
    cli.typed = ['a', 'b', 'c', 'right']
    expect(await run('--root=https://cloud.example.com/s/Kd7x')).toBe(4)
    expect(cli.typed).toEqual(['right'])
  })

  it('where nobody can be asked, says where to put it', async () => {
    password = 'right'
    expect(await run('--root=https://cloud.example.com/s/Kd7x')).toBe(4)
    expect(cli.started).toHaveLength(1)
  })
})

describe('--root', () => {
  it.each(['https://cloud.example.com/', 'my/Projects', 'cloudreve://nowhere'])(
    '%s will not do',
    async (root) => {
      expect(await run(`--root=${root}`)).toBe(2)
      expect(cli.err.join('\n')).toContain('--root will not do')
    },
  )
})
