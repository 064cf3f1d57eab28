import { beforeEach, describe, expect, it } from 'vitest'
import { reportError } from '../../../src/cli/errors.ts'
import { lineProgress } from '../../../src/cli/progress.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import { FakeCli } from '../../fakes/cli-context.ts'

const folder = '/home/ann/cloud'
let cli: FakeCli
beforeEach(() => {
  cli = new FakeCli()
  cli.running = [
    { pid: 1, mountpoint: folder, account: 'a', state: 'mounted', socketPath: '/x', startedAt: 0 },
  ]
  cli.answers['unmount'] = { state: 'ended', left: 0, reason: '' }
})

async function run(...words: string[]): Promise<number> {
  try {
    await buildProgram(cli.context).parseAsync(['node', 'cloudreve-mount', 'umount', ...words])
    return 0
  } catch (error) {
    return reportError(cli.context.io, error, false)
  }
}
const methods = () => cli.asked.map(({ method }) => method)

describe('umount', () => {
  it('waits for uploads before the folder goes [W23]', async () => {
    cli.answers['flush'] = (_, onProgress) => {
      onProgress?.({ files: 2, others: 0, leftBytes: 3 * 1024 ** 2, sentBytes: 0, trouble: null })
      return { leftFiles: 0, leftOthers: 0 }
    }
    expect(await run(folder)).toBe(0)
    expect(methods()).toEqual(['flush', 'unmount'])
    expect(cli.err).toEqual(['uploading 2 files, 3.0 MiB to send'])
  })

  it('leaves the folder mounted when something cannot be uploaded', async () => {
    cli.answers['flush'] = { leftFiles: 2, leftOthers: 0 }
    expect(await run(folder)).toBe(3)
    expect(methods()).toEqual(['flush'])
    expect(cli.err[0]).toContain(`2 files in ${folder} cannot be uploaded, so it stays mounted`)
  })

  it('leaves it mounted when names are left, and says what it waits for on the way [W57]', async () => {
    cli.answers['flush'] = (_, onProgress) => {
      const trouble = 'upload holds a lock on it at the server'
      onProgress?.({ files: 0, others: 1, leftBytes: 0, sentBytes: 0, trouble })
      return { leftFiles: 0, leftOthers: 1 }
    }
    expect(await run(folder)).toBe(3)
    expect(methods()).toEqual(['flush'])
    expect(cli.err[0]).toBe('sending 1 change; waiting: upload holds a lock on it at the server')
    expect(cli.err[1]).toContain(`1 change in ${folder} cannot be sent now, so it stays mounted`)
  })

  it('--force asks for nothing but the end', async () => {
    expect(await run(folder, '--force')).toBe(0)
    expect(cli.asked).toEqual([{ mountpoint: folder, method: 'unmount', params: { wait: false } }])
  })

  it('--detach leaves to the next mount what is not sent, and says how much that is', async () => {
    cli.answers['unmount'] = { state: 'ended', left: 2, reason: 'not uploaded yet' }
    expect(await run(folder, '--detach')).toBe(0)
    expect(cli.asked).toEqual([{ mountpoint: folder, method: 'unmount', params: { detach: true } }])
    expect(cli.err).toEqual([
      `${folder} is unmounted; 2 changes that the server does not have yet are kept on this machine, and sent by the next mount of the account`,
    ])
  })

  it('--force and --detach are two different wishes', async () => {
    expect(await run(folder, '--force', '--detach')).toBe(2)
    expect(cli.asked).toEqual([])
  })

  it('only waits for the end of a mount that is draining already', async () => {
    cli.running = [{ ...cli.running[0]!, state: 'draining' }]
    await run(folder)
    expect(methods()).toEqual(['unmount'])
  })

  it('ends when the folder is gone, though a program has a file of it open', async () => {
    cli.answers['flush'] = { leftFiles: 0, leftOthers: 0 }
    cli.answers['unmount'] = { state: 'open' }
    expect(await run(folder)).toBe(0)
    expect(cli.err).toEqual([
      expect.stringMatching(/^\/home\/ann\/cloud is unmounted; a program still has a file of it open/),
    ])
  })

  it('tells when something written last did not make it', async () => {
    cli.answers['flush'] = { leftFiles: 0, leftOthers: 0 }
    cli.answers['unmount'] = { state: 'ended', left: 1, reason: 'the drive is full' }
    expect(await run(folder)).toBe(3)
    expect(cli.err[0]).toContain('not everything is on the server: the drive is full')
  })

  it('clears away a mount whose process died', async () => {
    cli.running = []
    cli.stale = [folder]
    expect(await run(folder)).toBe(0)
    expect(cli.err[0]).toContain('cleaned up')
  })

  it('says so when nothing is mounted there', async () => {
    expect(await run('/elsewhere')).toBe(6)
    expect(cli.err).toEqual(['cloudreve-mount: nothing is mounted on /elsewhere'])
  })
})

describe('progress without a terminal', () => {
  it('is a line now and then, and none when nothing is left', () => {
    const lines: string[] = []
    let now = 0
    const progress = lineProgress({ err: (line) => void lines.push(line), now: () => now })
    for (const [at, files] of [
      [0, 3],
      [5000, 2],
      [10_000, 1],
      [30_000, 0],
    ] as const) {
      now = at
      progress.update({ files, others: 0, leftBytes: files * 1024, sentBytes: 0, trouble: null })
    }
    expect(lines).toEqual(['uploading 3 files, 3.0 KiB to send', 'uploading 1 file, 1.0 KiB to send'])
  })

  it('counts names beside files, and alone', () => {
    const lines: string[] = []
    let now = 0
    const progress = lineProgress({ err: (line) => void lines.push(line), now: () => now })
    for (const files of [1, 0]) {
      progress.update({ files, others: 2, leftBytes: files * 1024, sentBytes: 0, trouble: null })
      now += 10_000
    }
    expect(lines).toEqual(['uploading 1 file and 2 other changes, 1.0 KiB to send', 'sending 2 changes'])
  })

  it('says at once, and once, why it does not go on', () => {
    const lines: string[] = []
    const progress = lineProgress({ err: (line) => void lines.push(line), now: () => 0 })
    for (const trouble of [null, 'signed out', 'signed out']) {
      progress.update({ files: 1, others: 0, leftBytes: 1024, sentBytes: 0, trouble })
    }
    expect(lines).toEqual([
      'uploading 1 file, 1.0 KiB to send',
      'uploading 1 file, 1.0 KiB to send; waiting: signed out',
    ])
  })
})
