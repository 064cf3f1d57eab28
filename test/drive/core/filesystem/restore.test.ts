import { constants, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nothingInline } from '../../../../src/core/inline/index.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

beforeEach(async () => {
  drive = await TestDrive.open({ inlineLimits: nothingInline }, (remote) => {
    remote.putAsOther('docs/letter', 'old letter')
    remote.putAsOther('docs/other', 'other')
  })
})

afterEach(() => drive.stop())

/** Everything has arrived, and nothing is left on this machine. */
async function arrived(): Promise<void> {
  await drive.drain()
  expect(drive.drive.top.pending()).toEqual([])
  await eventually(() => readdirSync(join(drive.folder, 'staging')).length === 0)
  await drive.crash()
  expect(drive.log.lines.filter(({ message }) => message.includes('is taken up again'))).toHaveLength(1)
  expect(drive.drive.writeBack.lostAndFound).toEqual([])
}

describe('after kill -9', () => {
  it('a new file is shown again and arrives [W28]', async () => {
    await drive.save('docs/new', 'hello')
    await drive.crash()
    expect(await drive.names('docs')).toEqual(['letter', 'new', 'other'])
    expect(await drive.text('docs/new')).toBe('hello')
    await arrived()
    expect(drive.remote.textAt('docs/new')).toBe('hello')
  })

  it('a file that was still being written is shown as far as it was [W1]', async () => {
    const file = await drive.create('docs/log')
    await drive.write(file, 'one ')
    await drive.write(file, 'two', 4)
    await drive.crash()
    expect(await drive.text('docs/log')).toBe('one two')
    await arrived()
    expect(drive.remote.textAt('docs/log')).toBe('one two')
  })

  it('changes to a part of a file lie over the version that was changed', async () => {
    const { id } = drive.remote.entryAt('docs/letter')
    const file = await drive.open('docs/letter', constants.O_RDWR)
    await drive.write(file, 'new')
    await drive.crash()
    expect(await drive.text('docs/letter')).toBe('new letter')
    await arrived()
    expect(drive.remote.textAt('docs/letter')).toBe('new letter')
    expect(drive.remote.entryAt('docs/letter').id).toBe(id)
    expect(drive.copies()).toEqual([])
  })

  it('an empty new file arrives too', async () => {
    await drive.close(await drive.create('docs/empty'))
    await drive.crash()
    await arrived()
    expect(drive.remote.textAt('docs/empty')).toBe('')
  })

  it('what somebody else has changed meanwhile is not overwritten [W31]', async () => {
    await drive.save('docs/letter', 'ours')
    await drive.crash(() => void drive.remote.putAsOther('docs/letter', 'theirs'))
    await arrived()
    expect(drive.remote.textAt('docs/letter')).toBe('theirs')
    expect(drive.copies().map((path) => drive.remote.textAt(path))).toEqual(['ours'])
  })

  it('a file that was moved away by somebody else is saved where it is now', async () => {
    const { id } = drive.remote.entryAt('docs/letter')
    await drive.save('docs/letter', 'ours')
    await drive.crash(async () => {
      await drive.remote.createFolder(['away'])
      await drive.remote.move([['docs', 'letter']], ['away'])
    })
    await arrived()
    expect(drive.remote.entryAt('away/letter').id).toBe(id)
    expect(drive.remote.textAt('away/letter')).toBe('ours')
    expect(await drive.names('docs')).toEqual(['other'])
  })

  it('a file that somebody else has deleted is saved as a new one', async () => {
    await drive.save('docs/letter', 'ours')
    await drive.crash(() => drive.remote.remove([['docs', 'letter']]))
    expect(await drive.text('docs/letter')).toBe('ours')
    await arrived()
    expect(drive.remote.textAt('docs/letter')).toBe('ours')
  })

  it('a folder that somebody else has deleted is made again for what has to be saved in it', async () => {
    await drive.save('docs/new', 'ours')
    await drive.crash(() => drive.remote.remove([['docs']]))
    await arrived()
    expect(drive.remote.textAt('docs/new')).toBe('ours')
  })

  it('a folder that somebody else has renamed is found by its id', async () => {
    await drive.save('docs/new', 'ours')
    await drive.crash(async () => void (await drive.remote.rename(['docs'], 'papers')))
    await arrived()
    expect(drive.remote.textAt('papers/new')).toBe('ours')
    expect(drive.remote.paths()).not.toContain('docs/new')
  })

  it('chosen times and attributes of an unsent file are kept [W28]', async () => {
    await drive.save('docs/new', 'hello')
    await drive.setattr('docs/new', {
      mtime: { seconds: 1_000_000_000, nanoseconds: 123_456_789 },
      mode: 0o600,
    })
    await drive.setxattr('docs/new', 'user.colour', 'blue')
    await drive.crash()
    const attr = await drive.stat('docs/new')
    expect(attr).toMatchObject({ mode: 0o600, mtime: { seconds: 1_000_000_000, nanoseconds: 123_456_789 } })
    await arrived()
    expect(await drive.stat('docs/new')).toMatchObject({ mode: 0o600, mtime: attr.mtime })
    expect(await drive.getxattr('docs/new', 'user.colour')).toBe('blue')
  })

  it('a time that was chosen before the last write does not come back', async () => {
    const file = await drive.create('docs/new')
    await drive.setattr('docs/new', { mtime: { seconds: 1_000, nanoseconds: 0 } })
    await drive.write(file, 'newer')
    await drive.crash()
    expect((await drive.stat('docs/new')).mtime.seconds).toBeGreaterThan(1_000_000)
  })

  it('a file that was deleted while it was open stays away', async () => {
    const file = await drive.create('docs/new')
    await drive.write(file, 'nobody wants this')
    await drive.unlink('docs/new')
    await drive.crash()
    expect(await drive.names('docs')).toEqual(['letter', 'other'])
    await drive.drain()
    await eventually(() => readdirSync(join(drive.folder, 'staging')).length === 0)
    expect(drive.drive.writeBack.lostAndFound).toEqual([])
  })
})

describe('names that were not sent when the process died', () => {
  it('a rename is shown again and sent [W28][W39]', async () => {
    const { id } = drive.remote.entryAt('docs/letter')
    await drive.rename('docs/letter', 'docs/renamed')
    expect(drive.remote.paths()).toContain('docs/letter')
    await drive.crash()
    expect(await drive.names('docs')).toEqual(['other', 'renamed'])
    await drive.settleAll()
    expect(drive.remote.entryAt('docs/renamed').id).toBe(id)
    await arrived()
  })

  it('the removal of an open file is sent', async () => {
    await drive.open('docs/letter')
    await drive.unlink('docs/letter')
    expect(drive.remote.paths()).toContain('docs/letter')
    await drive.crash()
    expect(await drive.names('docs')).toEqual(['other'])
    await drive.settleAll()
    expect(drive.remote.paths()).not.toContain('docs/letter')
    await arrived()
  })

  it('a removal is not sent when somebody else has saved a new version', async () => {
    await drive.open('docs/letter')
    await drive.unlink('docs/letter')
    await drive.crash(() => void drive.remote.putAsOther('docs/letter', 'theirs'))
    await drive.settleAll()
    expect(drive.remote.textAt('docs/letter')).toBe('theirs')
    expect(await drive.text('docs/letter')).toBe('theirs')
  })

  it("an editor's save goes on: renamed away, written anew, the backup removed after the restart", async () => {
    const { id } = drive.remote.entryAt('docs/letter')
    await drive.rename('docs/letter', 'docs/letter~')
    await drive.save('docs/letter', 'second')
    await drive.crash()
    expect(await drive.names('docs')).toEqual(['letter', 'letter~', 'other'])
    expect(await drive.text('docs/letter~')).toBe('old letter')
    expect(await drive.text('docs/letter')).toBe('second')
    await drive.unlink('docs/letter~')
    await arrived()
    expect(drive.remote.textAt('docs/letter')).toBe('second')
    expect(drive.remote.entryAt('docs/letter').id).toBe(id)
    expect(drive.copies()).toEqual([])
  })

  it('a save by rename over the old file becomes its next version', async () => {
    const { id } = drive.remote.entryAt('docs/letter')
    await drive.save('docs/.letter.tmp', 'second')
    await drive.rename('docs/.letter.tmp', 'docs/letter')
    await drive.crash()
    expect(await drive.names('docs')).toEqual(['letter', 'other'])
    await arrived()
    expect(drive.remote.textAt('docs/letter')).toBe('second')
    expect(drive.remote.entryAt('docs/letter').id).toBe(id)
    expect(drive.copies()).toEqual([])
  })

  it('two files that took each other\u2019s names keep them', async () => {
    await drive.rename('docs/letter', 'docs/tmp')
    await drive.rename('docs/other', 'docs/letter')
    await drive.rename('docs/tmp', 'docs/other')
    await drive.crash()
    expect(await drive.text('docs/letter')).toBe('other')
    expect(await drive.text('docs/other')).toBe('old letter')
    await arrived()
    expect(drive.remote.textAt('docs/letter')).toBe('other')
    expect(drive.remote.textAt('docs/other')).toBe('old letter')
  })
})

describe('while the server cannot be asked', () => {
  const refusal = new RemoteError('denied', 'not now')

  beforeEach(async () => {
    await drive.save('docs/new', 'hello')
    await drive.crash(() => {
      drive.remote.script.pass('list') // of the top folder
      drive.remote.script.fail('list', refusal)
    })
  })

  it('what is on record waits, and everybody can see it', () => {
    expect(drive.drive.top.pending()).toEqual([
      {
        label: '/docs/new',
        kind: 'content',
        count: 1,
        state: { state: 'retrying', detail: 'not now' },
        sizeBytes: 5,
        sentBytes: 0,
      },
    ])
  })

  it('it is tried again until the server answers', async () => {
    await drive.clock.advance(1_000)
    expect(await drive.text('docs/new')).toBe('hello')
    await arrived()
    expect(drive.remote.textAt('docs/new')).toBe('hello')
  })

  it('who waits for everything to arrive need not wait for the next try', async () => {
    await drive.drain()
    expect(drive.remote.textAt('docs/new')).toBe('hello')
  })

  it('a second crash loses nothing', async () => {
    await drive.crash()
    await arrived()
    expect(drive.remote.textAt('docs/new')).toBe('hello')
  })
})

describe('a drive that is opened to be read only', () => {
  it('says what an earlier run left, and keeps it for the next', async () => {
    await drive.save('docs/new', 'hello')
    await drive.crash(() => drive.openReadOnly(true))
    expect(drive.drive.leftChanges).toBe(1)
    expect(drive.drive.top.pending()).toEqual([
      {
        label: '/docs/new',
        kind: 'content',
        count: 1,
        state: { state: 'waiting', detail: expect.stringContaining('mounted for writing') as unknown },
        sizeBytes: 5,
        sentBytes: 0,
      },
    ])
    expect(await drive.drain()).toEqual([])
    expect(drive.remote.paths()).not.toContain('docs/new')
    await drive.crash(() => drive.openReadOnly(false))
    await arrived()
    expect(drive.remote.textAt('docs/new')).toBe('hello')
  })
})

function refused() {
  return drive.drive.top.refused().map(({ label, kind, state }) => ({ label, kind, state }))
}

describe('a new file whose unsent bytes are gone', () => {
  it('is named by each start until somebody has taken note of it [W65]', async () => {
    await drive.save('docs/new', 'hello')
    const staging = join(drive.folder, 'staging')
    await drive.crash(() => {
      for (const name of readdirSync(staging)) rmSync(join(staging, name))
    })
    for (let starts = 0; starts < 2; starts += 1) {
      expect(refused()).toEqual([
        {
          label: '/docs/new',
          kind: 'content',
          state: { state: 'failed', detail: expect.stringContaining('not on this machine any more') },
        },
      ])
      expect(await drive.names('docs')).toEqual(['letter', 'other'])
      expect(await drive.drain()).toEqual([])
      await drive.crash()
    }
    expect(await drive.drive.top.discard(['docs', 'new'], drive.context())).toBe('refusal')
    expect(refused()).toEqual([])
    await drive.crash()
    expect(refused()).toEqual([])
  })
})
