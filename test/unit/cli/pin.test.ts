import { beforeEach, describe, expect, it } from 'vitest'
import { reportError } from '../../../src/cli/errors.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import { FakeCli } from '../../fakes/cli-context.ts'

const MIB = 1024 ** 2
const done = { files: 3, bytes: 3 * MIB, fetchedBytes: MIB, leftFiles: 0, reason: null }
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

describe('pin', () => {
  it('asks the mount for it, and says what is kept then', async () => {
    cli.answers['pin'] = done
    expect(await run('pin', '/home/ann/cloud/work')).toBe(0)
    expect(cli.asked).toEqual([
      { mountpoint: '/home/ann/cloud/work', method: 'pin', params: { path: '/home/ann/cloud/work' } },
    ])
    expect(cli.err).toEqual(['3 files kept here, 3.0 MiB, of which 1.0 MiB were fetched'])
  })

  it('keeps an empty folder too: what comes into it is kept', async () => {
    cli.answers['pin'] = { ...done, files: 0, bytes: 0, fetchedBytes: 0 }
    expect(await run('pin', '/home/ann/cloud/work')).toBe(0)
    expect(cli.err).toEqual(['0 files kept here, 0 B, of which 0 B were fetched'])
  })

  it('fails where something could not be fetched', async () => {
    cli.answers['pin'] = { ...done, leftFiles: 1, reason: '/a: this version is not kept any more' }
    expect(await run('pin', '/home/ann/cloud/work')).toBe(1)
  })
})

describe('pin without a path', () => {
  const running = { mountpoint: '/home/ann/cloud', state: 'serving', pid: 1 }
  const pins = [
    { path: '/home/ann/cloud/work', files: 2, bytes: 2 * MIB, trouble: null },
    { path: '/home/ann/cloud/gone', files: 0, bytes: 0, trouble: 'the server has it no more' },
  ]

  it('lists what is kept by all mounts', async () => {
    cli.running = [running as never]
    cli.answers['pins'] = pins
    expect(await run('pin')).toBe(0)
    expect(cli.out).toHaveLength(3)
    expect(cli.out[1]).toMatch(/^\/home\/ann\/cloud\/work\s+2 files\s+2\.0 MiB\s+all here$/)
    expect(cli.out[2]).toContain('the server has it no more')
  })

  it('answers programs with an array', async () => {
    cli.running = [running as never]
    cli.answers['pins'] = pins
    expect(await run('pin', '--json')).toBe(0)
    expect(JSON.parse(cli.out.join(''))).toEqual(pins)
  })

  it('says so when nothing is', async () => {
    expect(await run('pin')).toBe(0)
    expect(cli.out).toEqual(['nothing is pinned'])
  })
})

describe('unpin', () => {
  it('asks the mount for it', async () => {
    cli.answers['unpin'] = { path: '/home/ann/cloud/work' }
    expect(await run('unpin', '/home/ann/cloud/work')).toBe(0)
    expect(cli.err).toEqual(['/home/ann/cloud/work stays here only as long as its room is not needed'])
  })
})
