import { describe, expect, it } from 'vitest'
import { exitCodes } from '../../../src/cli/exit-codes.ts'
import { reportError } from '../../../src/cli/errors.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import { optionList } from '../../../src/config/options.ts'
import { FakeCli } from '../../fakes/cli-context.ts'

async function run(...words: string[]) {
  const cli = new FakeCli()
  let exitCode = 0
  try {
    await buildProgram(cli.context).parseAsync(['node', 'cloudreve-mount', ...words])
  } catch (error) {
    exitCode = reportError(cli.context.io, error, false)
  }
  return { exitCode, out: cli.out.join('\n'), err: cli.err.join('\n') }
}

function told(error: unknown, verbose = false) {
  const lines: string[] = []
  const exitCode = reportError({ err: (line) => void lines.push(line) }, error, verbose)
  return { lines, exitCode }
}

describe('--help', () => {
  it('goes to stdout, ends well and shows every option, command and exit code', async () => {
    const { exitCode, out } = await run('--help')
    expect(exitCode).toBe(0)
    for (const [, { name }] of optionList) expect(out).toContain(`--${name}`)
    for (const command of buildProgram(new FakeCli().context).commands)
      expect(out).toContain(`  ${command.name()}`)
    for (const code of Object.values(exitCodes)) expect(out).toMatch(new RegExp(`^ *${code}  \\S`, 'm'))
    expect(out).toContain('Examples:')
  })

  it('every command explains itself', async () => {
    for (const command of buildProgram(new FakeCli().context).commands) {
      const { exitCode, out } = await run(command.name(), '--help')
      expect(exitCode).toBe(0)
      expect(out.replaceAll(/\s+/g, ' ')).toContain(command.description())
      expect(out).toMatch(new RegExp(`^Examples?:\n(.*\n)*?.*cloudreve-mount ${command.name()}`, 'm'))
    }
  })

  it('no argument at all shows the help as an error', async () => {
    const { exitCode, err } = await run()
    expect(exitCode).toBe(2)
    expect(err).toContain('Examples:')
  })

  it('--version prints the version alone', async () => {
    expect(await run('--version')).toEqual({ exitCode: 0, out: '1.2.3', err: '' })
  })
})

describe('a mountpoint', () => {
  const commands = ['', 'doctor', 'status', 'umount', 'flush', 'pending', 'demo']

  it.each(commands)('that is an address is told from a folder: %s', async (command) => {
    for (const address of ['https://cloud.example.com', 'HTTP://cloud.example.com/s/abc', 'cloudreve://my']) {
      const { exitCode, err } = await run(...command.split(' ').filter(Boolean), address)
      expect(exitCode).toBe(exitCodes.usage)
      expect(err).toContain('cloudreve-mount login <address>')
    }
  })
})

describe('errors', () => {
  it('are one sentence without a stack', () => {
    class SomethingError extends Error {
      override readonly name = 'SomethingError'
    }
    expect(told(new SomethingError('the drive is full')).lines).toEqual([
      'cloudreve-mount: the drive is full',
    ])
  })

  it('tell with --verbose where they came from, causes included', () => {
    const { lines } = told(new Error('outer', { cause: new Error('inner') }), true)
    expect(lines.join('\n')).toMatch(/outer[\s\S]*caused by Error: inner/)
    expect(lines.length).toBeGreaterThan(2)
  })

  it('hide what looks like a secret', () => {
    const url = 'http://h/f?sign=s3cr3t-signature:0&x=1'
    expect(told(new Error(`GET ${url} failed`), true).lines.join('\n')).not.toContain('s3cr3t')
  })
})
