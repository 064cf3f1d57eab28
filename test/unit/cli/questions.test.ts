/** Commands that ask a running mount: status, info, activities. */
import { describe, expect, it } from 'vitest'
import { buildProgram } from '../../../src/cli/program.ts'
import { reportError } from '../../../src/cli/errors.ts'
import type { MountStatus, UploadStatus } from '../../../src/mount/control-results.ts'
import type { RunningMount } from '../../../src/mount/spec.ts'
import { lossByOverwriting } from '../../../src/remote/kept-versions.ts'
import { ann, FakeCli } from '../../fakes/cli-context.ts'

const at = new Date(2026, 10, 23, 14, 3, 5).getTime()
const running: RunningMount = {
  pid: 42,
  mountpoint: '/home/ann/cloud',
  account: 'ann@example.com at cloud.example.com',
  state: 'mounted',
  socketPath: '/run/x.sock',
  startedAt: at,
}

function mountStatus(members: Partial<MountStatus> = {}) {
  return {
    mountpoint: running.mountpoint,
    account: running.account,
    rootUri: 'cloudreve://my',
    readOnly: false,
    pid: 42,
    startedAt: at,
    state: 'mounted',
    driver: 'libfuse2',
    limits: { uploadBytesPerSecond: 0, downloadBytesPerSecond: 0 },
    changes: { state: 'live', since: at, everyMs: null, reason: null } as MountStatus['changes'],
    serverTrouble: null,
    versionLoss: null,
    uploads: [] as UploadStatus[],
    lostAndFound: [] as string[],
    ...members,
  } as const
}

const asJson = (status: MountStatus) => JSON.parse(JSON.stringify(status))

async function run(cli: FakeCli, ...words: string[]): Promise<number> {
  try {
    await buildProgram(cli.context).parseAsync(['node', 'cloudreve-mount', ...words])
    return 0
  } catch (error) {
    return reportError(cli.context.io, error, false)
  }
}

describe('status', () => {
  it('says so when nothing is mounted, and answers an empty list to programs', async () => {
    const cli = new FakeCli()
    await run(cli, 'status')
    await run(cli, 'status', '--json')
    expect(cli.out).toEqual(['nothing is mounted', '[]'])
  })

  it('names accounts whose last mount has left something', async () => {
    const cli = new FakeCli()
    cli.accounts = [ann]
    cli.leftChanges = { 'ann@example.com': 1 }
    await run(cli, 'status')
    await run(cli, 'pending')
    const left =
      'ann@example.com at cloud.example.com: 1 change of an earlier mount is not on the server yet; its next mount sends them'
    expect(cli.out).toEqual(['nothing is mounted', left, left])
    cli.out.length = 0
    cli.running = [running]
    cli.answers['status'] = asJson(mountStatus())
    await run(cli, 'pending')
    expect(cli.out).toEqual(['everything is on the server'])
  })

  it('says in words that everything is on the server', async () => {
    const cli = new FakeCli()
    cli.running = [running]
    cli.answers['status'] = asJson(mountStatus())
    await run(cli, 'status')
    expect(cli.out).toEqual([
      '/home/ann/cloud',
      '  account   ann@example.com at cloud.example.com',
      '  root      cloudreve://my',
      '  state     mounted, since 2026-11-23 14:03:05, process 42, driver libfuse2',
      '  server    fine',
      '  changes   told by the server since 2026-11-23 14:03:05',
      '  uploads   everything is on the server',
    ])
  })

  it('says how changes of others are seen where the server does not tell of them', async () => {
    const cli = new FakeCli()
    cli.running = [running]
    const reason = 'the server has no event stream'
    const changes = { state: 'polling', since: null, everyMs: 1500, reason } as const
    cli.answers['status'] = asJson(mountStatus({ changes }))
    await run(cli, 'status')
    expect(cli.out).toContain(`  changes   asked for every 1.5 s while in use: ${reason}`)
    cli.out.length = 0
    cli.answers['status'] = asJson(mountStatus({ changes: { ...changes, state: 'none', everyMs: null } }))
    await run(cli, 'status')
    expect(cli.out).toContain(`  changes   seen when listings are old: ${reason}`)
  })

  it('says what the drive does not keep of what is overwritten [O1]', async () => {
    const cli = new FakeCli()
    cli.running = [running]
    const versionLoss = lossByOverwriting({ max: 1, extensions: [] })!
    cli.answers['status'] = asJson(mountStatus({ versionLoss }))
    await run(cli, 'status')
    expect(cli.out).toContain('  versions  the drive keeps no versions: what is overwritten is gone')
  })

  it('shows the limits that are in effect', async () => {
    const cli = new FakeCli()
    cli.running = [running]
    const limits = { uploadBytesPerSecond: 512 * 1024, downloadBytesPerSecond: 2 * 1024 ** 2 }
    cli.answers['status'] = asJson(mountStatus({ limits }))
    await run(cli, 'status')
    expect(cli.out).toContain('  limits    uploads 512.0 KiB/s, downloads 2.0 MiB/s')
    cli.answers['status'] = asJson(mountStatus({ limits: { ...limits, downloadBytesPerSecond: 0 } }))
    await run(cli, 'status')
    expect(cli.out).toContain('  limits    uploads 512.0 KiB/s')
  })

  it('shows what needs attention before what is under way, names too [W58]', async () => {
    const cli = new FakeCli()
    cli.running = [running]
    const file = {
      kind: 'content',
      from: null,
      count: 1,
      state: 'waiting',
      sizeBytes: 2048,
      sentBytes: 0,
      reason: null,
    } as const
    const name = { ...file, sizeBytes: 0 }
    cli.answers['status'] = asJson(
      mountStatus({
        readOnly: true,
        serverTrouble: 'cannot be reached, trying again',
        uploads: [
          { ...file, path: '/home/ann/cloud/b' },
          { ...file, path: '/home/ann/cloud/a', state: 'uploading', sentBytes: 512 },
          { ...file, path: '/home/ann/cloud/c', state: 'parked', reason: 'the drive is full' },
          {
            ...name,
            path: '/home/ann/cloud/e',
            kind: 'rename',
            from: '/home/ann/cloud/d',
            reason: 'it is locked',
          },
          { ...name, path: '/home/ann/cloud/f', kind: 'deletion', count: 3 },
        ],
      }),
    )
    await run(cli, 'status', '/home/ann/cloud')
    expect(cli.out.slice(2)).toEqual([
      '  root      cloudreve://my (read-only)',
      '  state     mounted, since 2026-11-23 14:03:05, process 42, driver libfuse2',
      '  server    cannot be reached, trying again',
      '  changes   told by the server since 2026-11-23 14:03:05',
      '  uploads   3 files and 4 other changes, 5.5 KiB to send, 1 of them needs attention',
      '            parked     2.0 KiB          /home/ann/cloud/c  the drive is full',
      '            uploading  25 % of 2.0 KiB  /home/ann/cloud/a',
      '            waiting    2.0 KiB          /home/ann/cloud/b',
      '            waiting                     /home/ann/cloud/e  rename from /home/ann/cloud/d: it is locked',
      '            waiting                     /home/ann/cloud/f  deletion of 3 files and folders',
    ])
  })

  it('a mount that does not answer is shown with the trouble', async () => {
    const cli = new FakeCli()
    cli.running = [running]
    await run(cli, 'status')
    expect(cli.out.at(-1)).toBe('  trouble   the mount on /home/ann/cloud is gone')
  })

  it('a folder on which nothing is mounted has its own exit code', async () => {
    const cli = new FakeCli()
    expect(await run(cli, 'status', '/elsewhere')).toBe(6)
    expect(cli.err).toEqual(['cloudreve-mount: nothing is mounted on /elsewhere'])
  })
})

describe('info', () => {
  const facts = [
    { name: 'user.cloudreve.id', value: 'aBcd' },
    { name: 'user.cloudreve.versions', value: 'first\nsecond\n' },
    { name: 'user.origin', value: 'mine' },
  ]

  it('shows facts without their common prefix', async () => {
    const cli = new FakeCli()
    cli.answers['facts'] = facts
    await run(cli, 'info', 'cloud/report.odt')
    expect(cli.out).toEqual([
      'id           aBcd',
      'versions     first',
      '             second',
      'user.origin  mine',
    ])
    expect(cli.asked[0]).toMatchObject({ method: 'facts', params: { path: 'cloud/report.odt' } })
  })

  it('leaves out what is empty, for people', async () => {
    const cli = new FakeCli()
    cli.answers['facts'] = [...facts.slice(0, 1), { name: 'user.cloudreve.shares', value: '' }]
    await run(cli, 'info', 'x')
    expect(cli.out).toEqual(['id  aBcd'])
  })

  it('gives programs the whole names', async () => {
    const cli = new FakeCli()
    cli.answers['facts'] = facts
    await run(cli, 'info', 'x', '--json')
    expect(JSON.parse(cli.out[0]!)).toEqual({
      'user.cloudreve.id': 'aBcd',
      'user.cloudreve.versions': 'first\nsecond\n',
      'user.origin': 'mine',
    })
  })
})

describe('activities', () => {
  const entry = { id: '1', at, who: 'Ann', what: 'renamed a to b', category: 8, version: null }

  it('are a table with the whole history unless a limit is given', async () => {
    const cli = new FakeCli()
    cli.answers['activities'] = {
      derived: false,
      entries: [entry, { ...entry, who: null, what: 'made a thumbnail' }],
    }
    await run(cli, 'activities', 'x')
    expect(cli.out).toEqual([
      'TIME                 WHO  WHAT',
      '2026-11-23 14:03:05  Ann  renamed a to b',
      '2026-11-23 14:03:05  -    made a thumbnail',
    ])
    expect(cli.asked[0]!.params).toEqual({ path: 'x', filter: 'all', limit: null })
  })

  it('pass filter and limit on', async () => {
    const cli = new FakeCli()
    cli.answers['activities'] = { derived: false, entries: [] }
    await run(cli, 'activities', 'x', '--filter', 'my', '--limit', '3', '--json')
    expect(cli.asked[0]!.params).toEqual({ path: 'x', filter: 'my', limit: 3 })
    expect(JSON.parse(cli.out[0]!)).toEqual({ derived: false, entries: [] })
  })

  it('say when the history was derived, apart from the table', async () => {
    const cli = new FakeCli()
    cli.answers['activities'] = { derived: true, entries: [entry] }
    await run(cli, 'activities', 'x')
    expect(cli.err.join()).toContain('keeps no activity log')
    expect(cli.out.join()).not.toContain('keeps no activity log')
  })

  it('refuse an unknown filter as wrong usage', async () => {
    expect(await run(new FakeCli(), 'activities', 'x', '--filter', 'mine')).toBe(2)
    expect(await run(new FakeCli(), 'activities', 'x', '--limit', '0')).toBe(2)
  })
})
