import { describe, expect, it } from 'vitest'
import { reportError } from '../../../src/cli/errors.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import { FakeCli } from '../../fakes/cli-context.ts'

async function run(cli: FakeCli, ...words: string[]): Promise<number> {
  cli.answers['retry'] = null
  cli.answers['discard'] = null
  try {
    await buildProgram(cli.context).parseAsync(['node', 'cloudreve-mount', ...words])
    return 0
  } catch (error) {
    return reportError(cli.context.io, error, false)
  }
}

describe('retry', () => {
  it('asks the mount in which the file lies', async () => {
    const cli = new FakeCli()
    expect(await run(cli, 'retry', '/m/a.txt')).toBe(0)
    expect(cli.asked).toEqual([{ mountpoint: '/m/a.txt', method: 'retry', params: { path: '/m/a.txt' } }])
  })
})

describe('discard', () => {
  it('asks first where somebody can be asked, and takes only yes for an answer', async () => {
    const cli = new FakeCli()
    cli.typed = ['no', 'yes']
    expect(await run(cli, 'discard', '/m/a.txt')).toBe(0)
    expect(cli.asked).toEqual([])
    expect(cli.err).toEqual(['nothing was thrown away'])
    expect(await run(cli, 'discard', '/m/a.txt')).toBe(0)
    expect(cli.asked.map(({ method }) => method)).toEqual(['discard'])
    expect(cli.questions[0]).toContain('/m/a.txt')
  })

  it('needs --yes where nobody can be asked', async () => {
    const cli = new FakeCli()
    expect(await run(cli, 'discard', '/m/a.txt')).toBe(2)
    expect(cli.asked).toEqual([])
    expect(await run(cli, 'discard', '--yes', '/m/a.txt')).toBe(0)
    expect(cli.asked).toHaveLength(1)
  })
})
