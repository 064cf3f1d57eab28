import { beforeEach, describe, expect, it } from 'vitest'
import { reportError } from '../../../src/cli/errors.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import { FakeCli } from '../../fakes/cli-context.ts'

const done = { files: 3, bytes: 3 * 1024 ** 2, fetchedBytes: 1024 ** 2, leftFiles: 0, reason: null }
let cli: FakeCli
beforeEach(() => {
  cli = new FakeCli()
})

async function run(...words: string[]): Promise<number> {
  try {
    await buildProgram(cli.context).parseAsync(['node', 'cloudreve-mount', 'warm', ...words])
    return 0
  } catch (error) {
    return reportError(cli.context.io, error, false)
  }
}

describe('warm', () => {
  it('says how far it is, and what is in the cache then', async () => {
    cli.answers['warm'] = (_, onProgress) => {
      onProgress?.({ files: 3, doneFiles: 1, totalBytes: 3 * 1024 ** 2, doneBytes: 1024 ** 2 })
      return done
    }
    expect(await run('/home/ann/cloud/films')).toBe(0)
    expect(cli.asked).toEqual([
      { mountpoint: '/home/ann/cloud/films', method: 'warm', params: { path: '/home/ann/cloud/films' } },
    ])
    expect(cli.err).toEqual([
      'fetching 2 files, 2.0 MiB to come',
      '3 files in the cache, 3.0 MiB, of which 1.0 MiB were fetched',
    ])
    expect(cli.out).toEqual([])
  })

  it('answers programs with one object', async () => {
    cli.answers['warm'] = done
    expect(await run('--json', '/home/ann/cloud')).toBe(0)
    expect(cli.out.map((line) => JSON.parse(line) as unknown)).toEqual([done])
  })

  it('fails where something could not be fetched, and says why', async () => {
    cli.answers['warm'] = { ...done, leftFiles: 1, reason: '/a: this version is not kept any more' }
    expect(await run('/home/ann/cloud')).toBe(1)
    expect(cli.err).toEqual([
      'cloudreve-mount: 1 file of 3 could not be fetched whole: /a: this version is not kept any more',
    ])
  })

  it('says so where there is nothing to fetch', async () => {
    cli.answers['warm'] = { ...done, files: 0, bytes: 0 }
    expect(await run('/home/ann/cloud/empty')).toBe(0)
    expect(cli.err).toEqual(['/home/ann/cloud/empty has no content to be fetched'])
  })
})
