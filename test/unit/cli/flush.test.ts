import { beforeEach, describe, expect, it } from 'vitest'
import { reportError } from '../../../src/cli/errors.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import { FakeCli } from '../../fakes/cli-context.ts'

const mount = { pid: 1, account: 'a', state: 'mounted', socketPath: '/x', startedAt: 0 } as const
let cli: FakeCli
beforeEach(() => {
  cli = new FakeCli()
  cli.running = [
    { ...mount, mountpoint: '/home/ann/cloud' },
    { ...mount, mountpoint: '/home/ann/photos' },
  ]
})

async function run(...words: string[]): Promise<number> {
  try {
    await buildProgram(cli.context).parseAsync(['node', 'cloudreve-mount', 'flush', ...words])
    return 0
  } catch (error) {
    return reportError(cli.context.io, error, false)
  }
}

describe('flush', () => {
  it('waits for one mount, or for all', async () => {
    cli.answers['flush'] = { leftFiles: 0, leftOthers: 0 }
    expect(await run('/home/ann/photos')).toBe(0)
    expect(cli.asked.map(({ mountpoint }) => mountpoint)).toEqual(['/home/ann/photos'])
    cli.asked.length = 0
    expect(await run()).toBe(0)
    expect(cli.asked.map(({ mountpoint }) => mountpoint)).toEqual(['/home/ann/cloud', '/home/ann/photos'])
  })

  it('ends with 3 when something cannot be uploaded, after it has waited for everything else', async () => {
    cli.answers['flush'] = ({ mountpoint }) => ({
      leftFiles: mountpoint.endsWith('cloud') ? 1 : 0,
      leftOthers: 0,
    })
    expect(await run()).toBe(3)
    expect(cli.asked).toHaveLength(2)
    expect(cli.err).toEqual([
      'cloudreve-mount: 1 file in /home/ann/cloud cannot be uploaded: `cloudreve-mount pending` says why',
    ])
  })

  it.each([
    [{ leftFiles: 0, leftOthers: 1 }, '1 change in /home/ann/cloud cannot be sent now'],
    [{ leftFiles: 1, leftOthers: 2 }, '1 file and 2 other changes in /home/ann/cloud cannot be sent now'],
  ])('ends with 3 when names are left [W57]', async (answer, sentence) => {
    cli.answers['flush'] = answer
    expect(await run('/home/ann/cloud')).toBe(3)
    expect(cli.err).toEqual([`cloudreve-mount: ${sentence}: \`cloudreve-mount pending\` says why`])
  })

  it('says so when nothing is mounted there', async () => {
    expect(await run('/elsewhere')).toBe(6)
  })
})
