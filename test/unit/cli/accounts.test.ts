/** login, logout, accounts. */
import { existsSync, readFileSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { askWithPicture } from '../../../src/cli/captcha-file.ts'
import { reportError } from '../../../src/cli/errors.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import { ann, FakeCli } from '../../fakes/cli-context.ts'

let cli: FakeCli
beforeEach(() => {
  cli = new FakeCli()
})

async function run(...words: string[]): Promise<number> {
  try {
    await buildProgram(cli.context).parseAsync(['node', 'cloudreve-mount', ...words])
    return 0
  } catch (error) {
    return reportError(cli.context.io, error, false)
  }
}

function pathIn(lines: readonly string[]): string {
  return /\S+captcha\.png/.exec(lines.join())![0]
}

/** Signs in with what the command passed, and records it. */
function recordSignIn(): { email: string; password: string; url: string }[] {
  const seen: { email: string; password: string; url: string }[] = []
  cli.signIn = (url, { email, password }) => {
    seen.push({ url, email, password })
    return Promise.resolve(ann)
  }
  return seen
}

describe('login', () => {
  it('asks for what is missing when somebody is there', async () => {
    const seen = recordSignIn()
    cli.typed = ['ann@example.com', 'correct horse']
    expect(await run('login', 'https://cloud.example.com')).toBe(0)
    expect(seen).toEqual([
      { url: 'https://cloud.example.com', email: 'ann@example.com', password: 'correct horse' },
    ])
    expect(cli.out).toEqual(['signed in as Ann (ann@example.com) at https://cloud.example.com'])
  })

  it('takes the password from standard input, less the line break of echo alone', async () => {
    const seen = recordSignIn()
    cli.input = ' correct  horse \n'
    await run('login', 'cloud.example.com', '--email', 'ann@example.com', '--password-stdin')
    expect(seen[0]!.password).toBe(' correct  horse ')
  })

  it('says which flag to use when nobody can be asked', async () => {
    expect(await run('login', 'https://cloud.example.com')).toBe(2)
    expect(cli.err.join()).toContain('use --email')
    expect(await run('login', 'https://cloud.example.com', '--email', 'a@b')).toBe(2)
    expect(cli.err.join()).toContain('use --password-stdin')
  })

  it('refuses an empty password before asking the server', async () => {
    const seen = recordSignIn()
    expect(await run('login', 'x', '--email', 'a@b', '--password-stdin')).toBe(2)
    expect(seen).toEqual([])
  })

  it('passes --otp on once, then asks', async () => {
    const codes: string[] = []
    cli.typed = ['654321']
    cli.input = 'pw'
    cli.signIn = async (_, { prompts }) => {
      codes.push(await prompts!.twoFactorCode!(1), await prompts!.twoFactorCode!(2))
      return ann
    }
    await run('login', 'x', '--email', 'a@b', '--password-stdin', '--otp', '123456')
    expect(codes).toEqual(['123456', '654321'])
  })

  it('shows where the captcha lies while it asks, and removes it', async () => {
    const bytes = new Uint8Array([1, 2, 3])
    let seen: Uint8Array | undefined
    const answer = await askWithPicture(cli.context.io, { bytes, extension: 'png' }, () => {
      seen = readFileSync(pathIn(cli.err))
      return Promise.resolve('k7xq')
    })
    expect(answer).toBe('k7xq')
    expect(seen).toEqual(Buffer.from(bytes))
    expect(existsSync(pathIn(cli.err))).toBe(false)
  })

  it('leaves the questions out when nobody can be asked, so that the sign-in says what it needs', async () => {
    cli.input = 'pw'
    let offered: object | undefined
    cli.signIn = (_, { prompts }) => {
      offered = prompts
      return Promise.resolve(ann)
    }
    await run('login', 'x', '--email', 'a@b', '--password-stdin')
    expect(offered).toEqual({})
  })
})

describe('logout', () => {
  const mount = {
    pid: 1,
    mountpoint: '/home/ann/cloud',
    account: 'ann@example.com at cloud.example.com',
    state: 'mounted',
    socketPath: '/run/x',
    startedAt: 0,
  } as const
  const pending = {
    uploads: [
      { path: 'x', kind: 'content', count: 1 },
      { path: 'y', kind: 'deletion', count: 2 },
    ],
  }

  it('forgets the only account', async () => {
    cli.accounts = [ann]
    expect(await run('logout')).toBe(0)
    expect(cli.accounts).toEqual([])
    expect(cli.out).toEqual(['signed out ann@example.com at cloud.example.com'])
  })

  it('refuses while the account is mounted, naming what would be left behind', async () => {
    cli.accounts = [ann]
    cli.running = [mount]
    cli.answers['status'] = pending
    expect(await run('logout')).toBe(3)
    expect(cli.err[0]).toBe(
      'cloudreve-mount: ann@example.com at cloud.example.com is mounted on /home/ann/cloud and 1 file and 2 other ' +
        'changes there are not on the server yet: run `cloudreve-mount umount /home/ann/cloud` first',
    )
    expect(cli.accounts).toEqual([ann])
  })

  it('warns and goes on with --force', async () => {
    cli.accounts = [ann]
    cli.running = [mount]
    cli.answers['status'] = pending
    expect(await run('logout', '--force')).toBe(0)
    expect(cli.err[0]).toContain('signing out all the same')
    expect(cli.accounts).toEqual([])
  })

  it('says when the server could not be told', async () => {
    cli.accounts = [ann]
    cli.isServerTold = false
    expect(await run('logout')).toBe(0)
    expect(cli.err.join()).toContain('lives on until it expires')
  })

  it('refuses while an earlier mount has left something that the server does not have', async () => {
    cli.accounts = [ann]
    cli.leftChanges = { 'ann@example.com': 2 }
    expect(await run('logout')).toBe(3)
    expect(cli.err).toEqual([
      'cloudreve-mount: ann@example.com at cloud.example.com: 2 changes of an earlier mount are not on the server yet: ' +
        'mount it once more to have them sent, or leave them on this machine with --force',
    ])
    expect(cli.accounts).toEqual([ann])
    expect(await run('logout', '--force')).toBe(0)
    expect(cli.err.at(-1)).toContain('they stay on this machine until ann@example.com is mounted here again')
  })

  it('does not mind mounts of other accounts', async () => {
    cli.accounts = [ann]
    cli.running = [{ ...mount, account: 'bob@example.com at cloud.example.com' }]
    expect(await run('logout')).toBe(0)
  })
})

describe('accounts', () => {
  it('are a table, or JSON without keys of the token store', async () => {
    await run('accounts')
    cli.accounts = [ann]
    await run('accounts')
    await run('accounts', '--json')
    expect(cli.out.slice(0, 3)).toEqual([
      'nobody is signed in',
      'E-MAIL           SERVER                     NAME',
      'ann@example.com  https://cloud.example.com  Ann',
    ])
    expect(JSON.parse(cli.out[3]!)).toEqual([
      { email: 'ann@example.com', url: 'https://cloud.example.com', nickname: 'Ann', userId: 'lpua' },
    ])
  })
})
