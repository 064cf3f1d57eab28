import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasEnvironmentAccount } from '../../../src/cli/accounts.ts'
import { reportError } from '../../../src/cli/errors.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import { readWrittenOptions } from '../../../src/config/parse.ts'
import { ann, FakeCli } from '../../fakes/cli-context.ts'

let folder: string
let cli: FakeCli

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-mount-'))
  cli = new FakeCli()
  cli.home = folder
  cli.accounts = [ann]
})
afterEach(() => rmSync(folder, { recursive: true }))

async function run(...words: string[]): Promise<number> {
  const before = process.exitCode
  try {
    await buildProgram(cli.context).parseAsync(['node', 'cloudreve-mount', ...words])
    return Number(process.exitCode ?? 0)
  } catch (error) {
    return reportError(cli.context.io, error, false)
  } finally {
    process.exitCode = before
  }
}

describe('mount', () => {
  it('starts the only account with the defaults', async () => {
    expect(await run(folder)).toBe(0)
    expect(cli.started[0]).toMatchObject({
      mountpoint: folder,
      accountKey: 'ann@example.com@cloud.example.com',
      rootUri: 'cloudreve://my',
      readOnly: false,
      stateFolder: join(folder, '.local/state/cloudreve-mount'),
    })
  })

  it('passes every option on as text that reads back the same', async () => {
    await run('--quiet-time', '2s', '-o', 'ro,umask=077', '--delete=permanent', folder)
    const options = readWrittenOptions(cli.started[0]!.options)
    expect(options).toMatchObject({ quietTimeMs: 2000, readOnly: true, umask: 0o077, delete: 'permanent' })
    expect(cli.started[0]).toMatchObject({ readOnly: true, options: { delete: 'permanent' } })
  })

  it('passes on which options the configuration file may change later', async () => {
    cli.environment = { ...cli.environment, CLOUDREVE_MOUNT_QUIET_TIME: '2s' }
    await run('--upload-limit', '1M', '-o', 'ro', folder)
    const { config } = cli.started[0]!
    expect(config).toMatchObject({ file: cli.context.paths.configFile, mountpoint: folder })
    expect([...config!.decided].sort()).toEqual(['quiet-time', 'read-only', 'upload-limit'])
  })

  it('options may follow the mountpoint', async () => {
    await run(folder, '--read-only', '-f')
    expect(cli.started[0]!.readOnly).toBe(true)
  })

  it('a switch that the environment turned on can be turned off', async () => {
    cli.environment = { CLOUDREVE_MOUNT_READ_ONLY: '1' }
    await run(folder)
    await run(folder, '--no-read-only')
    expect(cli.started.map(({ readOnly }) => readOnly)).toEqual([true, false])
  })

  it('reads config.toml, with its part for this mountpoint', async () => {
    mkdirSync(join(folder, '.config/cloudreve-mount'), { recursive: true })
    const toml = `attr-ttl = "7s"\n[mounts."${folder}"]\nentry-ttl = "8s"\n`
    writeFileSync(join(folder, '.config/cloudreve-mount/config.toml'), toml)
    await run(folder)
    expect(readWrittenOptions(cli.started[0]!.options)).toMatchObject({ attrTtlMs: 7000, entryTtlMs: 8000 })
  })

  it('uses the account of the environment without a word of its password', async () => {
    cli.environment = {
      CLOUDREVE_URL: 'https://cloud.example.com',
      CLOUDREVE_EMAIL: 'ann@example.com',
      CLOUDREVE_PASSWORD: 'correct-horse',
    }
    await run(folder)
    expect(cli.started[0]!.accountKey).toBeNull()
    expect(JSON.stringify([cli.started, cli.out, cli.err])).not.toContain('correct-horse')
  })

  it('an account named on the command line wins over the one of the environment', async () => {
    cli.environment = { CLOUDREVE_URL: 'https://a', CLOUDREVE_EMAIL: 'b', CLOUDREVE_PASSWORD: 'c' }
    await run('--account', 'ann@example.com', folder)
    expect(cli.started[0]!.accountKey).toBe('ann@example.com@cloud.example.com')
  })

  it('has no flag that takes a password', () => {
    const flags = (command: Command): string[] => [
      ...command.options
        .filter(({ required, optional }) => required || optional)
        .map(({ long }) => String(long)),
      ...command.commands.flatMap((child) => flags(child)),
    ]
    expect(flags(buildProgram(cli.context)).filter((flag) => /password|token$|secret/.test(flag))).toEqual([])
  })
})

describe('mount refuses', () => {
  it('an unknown option, with the nearest one', async () => {
    expect(await run('-o', 'quiet-tme=1s', folder)).toBe(2)
    expect(cli.err.join()).toContain('did you mean -o quiet-time?')
    expect(await run('--quiet-tme', '1s', folder)).toBe(2)
    expect(cli.err.join()).toContain('--quiet-time')
  })

  it('a folder that does not exist, saying how to make it', async () => {
    expect(await run(join(folder, 'none'))).toBe(1)
    expect(cli.err[0]).toBe(
      `cloudreve-mount: there is no folder ${folder}/none: create it with \`mkdir -p ${folder}/none\``,
    )
  })

  it('a mistyped command, saying which was meant', async () => {
    expect(await run('statsu')).toBe(2)
    expect(cli.err[0]).toContain('did you mean `cloudreve-mount status`?')
  })

  it('a file', async () => {
    writeFileSync(join(folder, 'file'), '')
    expect(await run(join(folder, 'file'))).toBe(1)
    expect(cli.err[0]).toContain('is not a folder')
  })

  it('to go on without an account', async () => {
    cli.accounts = []
    expect(await run(folder)).toBe(4)
    expect(cli.err[0]).toContain('cloudreve-mount login <url>')
    expect(cli.started).toEqual([])
  })
})

describe('which account', () => {
  const work = { ...ann, userId: 'mKua', url: 'https://work.example.com:8443' }

  it('is the one that signed in last, or the one that was named', async () => {
    cli.accounts = [work, ann]
    await run(folder)
    await run('--account', 'cloud.example.com', folder)
    expect(cli.started.map(({ accountKey }) => accountKey)).toEqual([
      'ann@example.com@work.example.com:8443',
      'ann@example.com@cloud.example.com',
    ])
  })

  it('must be said more exactly when several fit', async () => {
    cli.accounts = [work, ann]
    expect(await run('--account', 'ann@example.com', folder)).toBe(2)
    expect(cli.err[0]).toContain('means several accounts')
  })

  it('of the environment must be complete', () => {
    expect(hasEnvironmentAccount({})).toBe(false)
    expect(() => hasEnvironmentAccount({ CLOUDREVE_URL: 'https://a' })).toThrow(
      'CLOUDREVE_EMAIL and CLOUDREVE_PASSWORD are not set',
    )
  })
})
