import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { reportError } from '../../../src/cli/errors.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import type { RunningMount } from '../../../src/mount/spec.ts'
import { FakeCli } from '../../fakes/cli-context.ts'

async function run(cli: FakeCli, ...words: string[]): Promise<number> {
  cli.answers['retry'] = null
  cli.answers['discard'] ??= { what: 'content' }
  try {
    await buildProgram(cli.context).parseAsync(['node', 'cloudreve-mount', ...words])
    return 0
  } catch (error) {
    return reportError(cli.context.io, error, false)
  }
}

const mount: RunningMount = {
  pid: 7,
  mountpoint: '/m',
  account: 'ann at home',
  state: 'mounted',
  socketPath: '/run/7',
  startedAt: 0,
}
const parked = {
  path: '/m/a.txt',
  kind: 'content',
  from: null,
  count: 1,
  state: 'parked',
  sizeBytes: 2048,
  sentBytes: 0,
  reason: 'the drive is full',
}

describe('pending', () => {
  it('lists what is not on the server, with the reason', async () => {
    const cli = new FakeCli()
    cli.running = [mount]
    cli.answers['status'] = { ...mount, uploads: [parked] }
    expect(await run(cli, 'pending')).toBe(0)
    expect(cli.out.join('\n')).toMatch(/parked +2\.0 KiB +\/m\/a\.txt +content +the drive is full/)
    cli.out.length = 0
    expect(await run(cli, 'pending', '--json', '/m')).toBe(0)
    expect(JSON.parse(cli.out[0]!)).toEqual([parked])
  })

  it('lists names too, each with what it is [W58]', async () => {
    const cli = new FakeCli()
    cli.running = [mount]
    const name = { ...parked, sizeBytes: 0, state: 'waiting', reason: 'locked' }
    cli.answers['status'] = {
      ...mount,
      uploads: [
        { ...name, path: '/m/b', kind: 'rename', from: '/m/a' },
        { ...name, path: '/m/d/', kind: 'deletion', count: 14 },
        { ...name, path: '/m/n', kind: 'new folder', state: 'parked', reason: 'no' },
      ],
    }
    expect(await run(cli, 'pending')).toBe(0)
    expect(cli.out.slice(1).map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      'waiting /m/b rename from /m/a locked',
      'waiting /m/d/ deletion of 14 files and folders locked',
      'parked /m/n new folder no',
    ])
  })

  it('says so when there is nothing', async () => {
    const cli = new FakeCli()
    expect(await run(cli, 'pending')).toBe(0)
    expect(cli.out).toEqual(['everything is on the server'])
  })

  it('fails when a mount does not answer, and still tells what others said', async () => {
    const cli = new FakeCli()
    cli.running = [mount, { ...mount, mountpoint: '/n' }]
    cli.answers['status'] = ({ mountpoint }) => {
      if (mountpoint === '/n') throw new Error('the process is gone')
      return { ...mount, uploads: [parked] }
    }
    expect(await run(cli, 'pending')).toBe(1)
    expect(cli.out.join('\n')).toContain('/m/a.txt')
    expect(cli.err.join('\n')).toContain('/n (the process is gone)')
  })

  it('is about a mount that is there', async () => {
    expect(await run(new FakeCli(), 'pending', '/m')).toBe(6)
  })
})

describe('pending retry', () => {
  it('asks the mount in which the file lies', async () => {
    const cli = new FakeCli()
    expect(await run(cli, 'pending', 'retry', '/m/a.txt')).toBe(0)
    expect(cli.asked).toEqual([{ mountpoint: '/m/a.txt', method: 'retry', params: { path: '/m/a.txt' } }])
  })

  it('--all asks every mount', async () => {
    const cli = new FakeCli()
    cli.running = [mount, { ...mount, mountpoint: '/n' }]
    cli.answers['retryAll'] = { files: 2, others: 1 }
    expect(await run(cli, 'pending', 'retry', '--all')).toBe(0)
    expect(cli.asked.map(({ mountpoint }) => mountpoint)).toEqual(['/m', '/n'])
    expect(cli.err[0]).toContain('4 files and 2 other changes')
  })

  it('takes one of the two', async () => {
    expect(await run(new FakeCli(), 'pending', 'retry')).toBe(2)
    expect(await run(new FakeCli(), 'pending', 'retry', '--all', '/m/a.txt')).toBe(2)
  })
})

describe('pending save-as', () => {
  it('names the target as the serving process has to know it', async () => {
    const cli = new FakeCli()
    cli.answers['saveAs'] = { sizeBytes: 2048 }
    expect(await run(cli, 'pending', 'save-as', '/m/a.txt', 'mine.txt')).toBe(0)
    expect(cli.asked[0]).toMatchObject({
      method: 'saveAs',
      params: { path: '/m/a.txt', target: resolve('mine.txt') },
    })
    expect(cli.err[0]).toContain('2.0 KiB')
  })
})

describe('pending discard', () => {
  it('asks first where somebody can be asked, and takes only yes for an answer', async () => {
    const cli = new FakeCli()
    cli.typed = ['no', 'yes']
    expect(await run(cli, 'pending', 'discard', '/m/a.txt')).toBe(0)
    expect(cli.asked).toEqual([])
    expect(cli.err).toEqual(['nothing was thrown away'])
    expect(await run(cli, 'pending', 'discard', '/m/a.txt')).toBe(0)
    expect(cli.asked.map(({ method }) => method)).toEqual(['discard'])
    expect(cli.questions[0]).toContain('/m/a.txt')
  })

  it.each([
    ['rename', 'the rename to /m/a.txt is taken back: the old name is shown again'],
    ['deletion', 'the deletion is taken back: /m/a.txt is shown again'],
    ['new name', '/m/a.txt, which the server never had, is gone'],
    ['refusal', '/m/a.txt is as the server has it; what it has refused is forgotten'],
    ['content', 'the changes of /m/a.txt were thrown away'],
  ])('says what it was (%s) [W60]', async (what, sentence) => {
    const cli = new FakeCli()
    cli.answers['discard'] = { what }
    expect(await run(cli, 'pending', 'discard', '--yes', '/m/a.txt')).toBe(0)
    expect(cli.err).toEqual([sentence])
  })

  it('needs --yes where nobody can be asked', async () => {
    const cli = new FakeCli()
    expect(await run(cli, 'pending', 'discard', '/m/a.txt')).toBe(2)
    expect(cli.asked).toEqual([])
    expect(await run(cli, 'pending', 'discard', '--yes', '/m/a.txt')).toBe(0)
    expect(cli.asked).toHaveLength(1)
  })
})
