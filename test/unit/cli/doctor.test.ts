import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { doctor } from '../../../src/cli/commands/doctor.ts'
import type { ExamineRequest } from '../../../src/mount/doctor/examine.ts'
import { fail, ok, warn, type Finding } from '../../../src/mount/doctor/finding.ts'
import { ann, FakeCli } from '../../fakes/cli-context.ts'

let cli: FakeCli
let asked: ExamineRequest | undefined
beforeEach(() => {
  cli = new FakeCli()
  cli.home = mkdtempSync(join(tmpdir(), 'cli-doctor-'))
  cli.accounts = [ann]
})
afterEach(() => rmSync(cli.home, { recursive: true }))

function run(findings: readonly Finding[], mountpoint?: string, json?: true): Promise<number> {
  const examine = async function* (request: ExamineRequest) {
    asked = request
    for (const finding of findings) yield await Promise.resolve(finding)
  }
  return doctor(cli.context, mountpoint, { examine, ...(json ? { json } : {}) })
}

const fine = ok('kernel', 'Linux 6.8')
const signIn = fail('sign-in', 'signed out', { remedy: 'sign in', cause: 'sign-in' })
const away = fail('server', 'away', { remedy: 'look', cause: 'unreachable' })
const broken = fail('driver', 'none', { remedy: 'build it' })

describe('doctor', () => {
  it('shows findings by machine and account, with remedies, and sums them up', async () => {
    const late = { ...warn('clock', 'late', 'set it'), account: 'ann@example.com at cloud.example.com' }
    expect(await run([fine, late])).toBe(0)
    expect(cli.out).toEqual([
      'this machine',
      '  ok    kernel          Linux 6.8',
      '',
      'ann@example.com at cloud.example.com',
      '  warn  clock           late',
      '                        -> set it',
      '',
      '1 warning.',
    ])
  })

  it('ends with a code of its own only where all failures are of one kind', async () => {
    expect(await run([fine])).toBe(0)
    expect(await run([fine, signIn])).toBe(4)
    expect(await run([away, away])).toBe(5)
    expect(await run([away, signIn])).toBe(1)
    expect(await run([broken])).toBe(1)
  })

  it('gives programs the findings and nothing else', async () => {
    expect(await run([fine, broken], undefined, true)).toBe(1)
    expect(cli.out).toHaveLength(1)
    expect(JSON.parse(cli.out[0]!)).toEqual({
      ok: false,
      findings: [
        { check: 'kernel', level: 'ok', text: 'Linux 6.8' },
        { check: 'driver', level: 'fail', text: 'none', remedy: 'build it' },
      ],
    })
  })

  it('repeats no secret and lets no name steer the terminal', async () => {
    await run([warn('contents', 'GET http://h/f?sign=s3cr3t:0 \u001b[2J', 'ask http://u:s3cr3t@h')])
    expect(cli.out.join('\n')).not.toContain('s3cr3t')
    expect(cli.out.join('\n')).not.toContain('\u001b')
  })

  it('looks at every account, or with a folder at the one that would be mounted there', async () => {
    cli.accounts = [ann, { ...ann, userId: 'abcd', email: 'bob@example.com' }]
    await run([fine])
    expect(asked!.accounts.map(({ name }) => name)).toEqual([
      'ann@example.com at cloud.example.com',
      'bob@example.com at cloud.example.com',
    ])
    const folder = join(cli.home, '.config/cloudreve-mount')
    mkdirSync(folder, { recursive: true })
    writeFileSync(
      join(folder, 'config.toml'),
      '[mounts."/m"]\naccount = "bob@example.com"\nallow-other = true\n',
    )
    await run([fine], '/m')
    expect(asked).toMatchObject({ mountpoint: '/m', allowOther: true })
    expect(asked!.accounts.map(({ name }) => name)).toEqual(['bob@example.com at cloud.example.com'])
  })

  it('takes the account of the environment before those that signed in', async () => {
    cli.environment = { CLOUDREVE_URL: 'http://h:1', CLOUDREVE_EMAIL: 'e@f.g', CLOUDREVE_PASSWORD: 'pw' }
    await run([fine], '/m')
    expect(asked!.accounts.map(({ name }) => name)).toEqual(['e@f.g at h:1'])
    await run([fine])
    expect(asked!.accounts).toHaveLength(2)
  })

  it('still looks at the machine when nobody is signed in or something is set wrong', async () => {
    cli.accounts = []
    expect(await run([fine])).toBe(4)
    expect(cli.out.join('\n')).toContain('nobody is signed in')
    cli.environment = { CLOUDREVE_URL: 'http://h:1' }
    expect(await run([fine])).toBe(1)
    expect(cli.out.join('\n')).toContain('CLOUDREVE_EMAIL and CLOUDREVE_PASSWORD are not set')
    cli.environment = { CLOUDREVE_MOUNT_UMASK: 'soft' }
    expect(await run([fine])).toBe(1)
    expect(cli.out.join('\n')).toContain('CLOUDREVE_MOUNT_UMASK must be')
  })
})
