/** An uploaded file is renamed over an uploaded file: a state like any other, which is sent later. */
import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { RemoteMethod } from '../../../fakes/memory-remote.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

const large = 'L'.repeat(4 * 1024 ** 2 + 1)

let drive: TestDrive

/** A small one whose content is here, a small one whose content nobody has read, and a large one. */
const sources = ['docs/read', 'docs/unread', 'docs/large'] as const

const contents: Readonly<Record<string, string>> = {
  'docs/letter': 'old letter',
  'docs/read': 'small',
  'docs/unread': 'small too',
  'docs/large': large,
}

beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => {
    for (const [path, text] of Object.entries(contents)) remote.putAsOther(path, text)
  })
  await drive.text('docs/read')
  await drive.names('docs')
  drive.remote.script.forgetCalls()
})

afterEach(() => drive.stop())

function calls(): string[] {
  return drive.remote.calls.map(({ method }) => method).filter((method) => method !== 'capacity')
}

/** What one read answers, at most. */
function begin(text: string): string {
  return text.slice(0, 1 << 20)
}

/** It is there once, under the new name, for programs and at the server. */
async function expectDone(source: string): Promise<void> {
  const rest = Object.keys(contents).filter((path) => path !== source)
  expect(await drive.names('docs')).toEqual(rest.map((path) => path.slice(5)).sort())
  expect(await drive.text('docs/letter')).toBe(begin(contents[source]!))
  expect(drive.remote.paths()).toEqual(['docs/', ...rest.sort()])
  expect(drive.remote.textAt('docs/letter') === contents[source]).toBe(true)
  expect(drive.copies()).toEqual([])
}

it('over one that is written on right after it was sent leaves nothing under the former name', async () => {
  await drive.rename('docs/read', 'docs/letter')
  await drive.clock.advance(600)
  await eventually(() => drive.remote.textAt('docs/letter') === 'small')
  const file = await drive.open('docs/letter', constants.O_WRONLY)
  await drive.write(file, '!', 5)
  await drive.close(file)
  await drive.clock.advance(600)
  await eventually(() => drive.remote.textAt('docs/letter') === 'small!')
  await drive.clock.advance(2_000)
  await eventually(() => !drive.remote.paths().includes('docs/read'))
})

describe('over a file that was not sent', () => {
  it('that is not seen again where somebody else deletes what took its place, which has changed', async () => {
    await drive.save('docs/new', 'draft')
    await drive.rename('docs/read', 'docs/new')
    const opened = await drive.open('docs/new', constants.O_RDWR)
    await drive.write(opened, 'SMALL')
    drive.remote.removeAsOther('docs/read')
    await drive.clock.advance(2_000)
    await eventually(() => drive.drive.unsentNames === 0)
    await drive.close(opened)
    await drive.settleAll()
    await drive.outdate()
    expect(await drive.names('docs')).toEqual(['large', 'letter', 'new', 'unread'])
    expect(drive.remote.textAt('docs/new')).toBe('SMALL')
    expect(drive.copies()).toEqual([])
  })

  it('that is seen again where somebody else deletes what took its place', async () => {
    await drive.save('docs/new', 'draft')
    await drive.rename('docs/read', 'docs/new')
    drive.remote.removeAsOther('docs/read')
    await drive.settleAll()
    await drive.outdate()
    expect(await drive.names('docs')).toEqual(['large', 'letter', 'new', 'unread'])
    expect(drive.remote.textAt('docs/new')).toBe('draft')
  })
})

describe('the folder that the last file is renamed out of', () => {
  it.each([0, 1_000])('is deleted %i ms later: it goes, whatever is sent first', async (laterMs) => {
    for (const source of sources.filter((path) => path !== 'docs/read')) await drive.unlink(source)
    await drive.mkdir('other')
    await drive.save('other/letter', 'older')
    await drive.unlink('docs/letter')
    await drive.settleAll()
    await drive.rename('docs/read', 'other/letter')
    await drive.clock.advance(laterMs)
    await drive.rmdir('docs')
    await drive.settleAll()
    expect(await drive.names('')).toEqual(['other'])
    expect(drive.remote.paths()).toEqual(['other/', 'other/letter'])
    expect(drive.remote.textAt('other/letter')).toBe('small')
  })
})

describe.each(sources)('%s', (source) => {
  it('is there at once, and at the server a moment later [W55]', async () => {
    const gates = (['upload', 'remove', 'rename', 'info'] as const).map((method) => drive.remote.hold(method))
    await drive.rename(source, 'docs/letter')
    expect(await drive.names('docs')).toHaveLength(3)
    expect(await errnoOf(drive.stat(source))).toBe('ENOENT')
    for (const gate of gates) gate.release()
    await drive.settleAll()
    await expectDone(source)
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('is there while the server is away, and at the server when that is back', async () => {
    drive.remote.offline = true
    await drive.rename(source, 'docs/letter')
    expect(await drive.names('docs')).toHaveLength(3)
    await drive.clock.advance(20_000)
    drive.remote.offline = false
    await drive.settleAll()
    await drive.during(drive.drain())
    await expectDone(source)
  })

  it('is renamed on before the server hears of it', async () => {
    await drive.rename(source, 'docs/letter')
    await drive.rename('docs/letter', 'moved')
    await drive.settleAll()
    expect(drive.remote.textAt('moved') === contents[source]).toBe(true)
    expect(drive.remote.paths()).not.toContain('docs/letter')
    expect(drive.remote.paths()).not.toContain(source)
  })

  it('is deleted before the server hears of it: so are both', async () => {
    await drive.rename(source, 'docs/letter')
    await drive.unlink('docs/letter')
    await drive.settleAll()
    expect(drive.remote.paths()).not.toContain('docs/letter')
    expect(drive.remote.paths()).not.toContain(source)
  })

  it('leaves its old name free for a new file', async () => {
    await drive.rename(source, 'docs/letter')
    await drive.save(source, 'new')
    await drive.settleAll()
    expect(drive.remote.textAt(source)).toBe('new')
    expect(drive.remote.textAt('docs/letter') === contents[source]).toBe(true)
    expect(drive.copies()).toEqual([])
  })

  it('takes nothing away that somebody else has put there meanwhile [W56]', async () => {
    await drive.rename(source, 'docs/letter')
    drive.remote.putAsOther('docs/letter', 'theirs')
    await drive.settleAll()
    await drive.outdate()
    expect(drive.remote.textAt('docs/letter')).toBe('theirs')
    const texts = drive.remote.paths().map((path) => drive.remote.textAt(path))
    expect(texts.filter((text) => text === contents[source])).toHaveLength(1)
    expect(await drive.names('docs')).toHaveLength(4)
  })

  it('leaves under its old name what somebody else saves there while it is sent', async () => {
    await drive.rename(source, 'docs/letter')
    await drive.clock.advance(400)
    drive.remote.putAsOther(source, 'theirs')
    await drive.settleAll()
    await drive.outdate()
    const texts = await Promise.all((await drive.names('docs')).map((name) => drive.text(`docs/${name}`)))
    expect(texts).toContain('theirs')
    expect(drive.remote.paths().map((path) => drive.remote.textAt(path))).toContain('theirs')
  })

  it('stays under its old name as somebody else has changed it meanwhile', async () => {
    drive.remote.offline = true
    await drive.rename(source, 'docs/letter')
    drive.remote.putAsOther(source, 'changed elsewhere')
    await drive.clock.advance(20_000)
    drive.remote.offline = false
    await drive.settleAll()
    await drive.during(drive.drain())
    await drive.outdate()
    const texts = drive.remote.paths().map((path) => drive.remote.textAt(path))
    expect(texts).toContain('changed elsewhere')
    for (const name of await drive.names('docs'))
      expect(await drive.text(`docs/${name}`)).toBe(begin(drive.remote.textAt(`docs/${name}`)!))
  })

  it.each(
    (['upload', 'remove', 'rename', 'info', 'readRange'] as const).flatMap((method) =>
      (['before', 'after'] as const).map((at): [RemoteMethod, typeof at] => [method, at]),
    ),
  )('survives kill -9 when its request %s is held %s its work [W55]', async (method, at) => {
    const gate = drive.remote.hold(method, at)
    await drive.rename(source, 'docs/letter')
    await drive.clock.advance(3_000)
    await drive.crash(() => gate.release())
    expect(await drive.names('docs')).toHaveLength(3)
    await drive.settleAll()
    await drive.during(drive.drain())
    await expectDone(source)
  })

  it('is waited for with --sync=close', async () => {
    await drive.stop()
    drive = await TestDrive.open({ settings: { sync: 'close' } }, (remote) => {
      for (const [path, text] of Object.entries(contents)) remote.putAsOther(path, text)
    })
    await drive.text('docs/read')
    await drive.during(drive.rename(source, 'docs/letter'))
    await expectDone(source)
  })

  it('waits as long as somebody has a lock on the other file', async () => {
    drive.remote.fail('upload', new RemoteError('locked', 'locked by another client'), 1_000)
    drive.remote.fail('remove', new RemoteError('locked', 'locked by another client'), 1_000)
    await drive.rename(source, 'docs/letter')
    expect(await drive.text('docs/letter')).toBe(begin(contents[source]!))
    await drive.clock.advance(120_000)
    expect(drive.remote.textAt('docs/letter')).toBe('old letter')
    drive.remote.script.forgetTrouble()
    await drive.clock.advance(400_000)
    await drive.settleAll()
    await expectDone(source)
  })
})

describe('in requests', () => {
  it('one whose content is here costs three: the version, the comparison of what is left, its deletion', async () => {
    await drive.rename('docs/read', 'docs/letter')
    await drive.settleAll()
    expect(calls()).toEqual(['upload', 'info', 'remove'])
  })

  it('a large one costs three: the comparison, the deletion of the other, the rename', async () => {
    await drive.rename('docs/large', 'docs/letter')
    await drive.settleAll()
    expect(calls()).toEqual(['info', 'remove', 'rename'])
  })
})

it('a small one over another keeps the id of that, and its history', async () => {
  const { id } = drive.remote.entryAt('docs/letter')
  await drive.rename('docs/unread', 'docs/letter')
  await drive.settleAll()
  expect(drive.remote.entryAt('docs/letter').id).toBe(id)
  const { versions } = await drive.remote.details(['docs', 'letter'])
  expect(versions.map(({ sizeBytes }) => sizeBytes)).toEqual([9, 10])
})

it('a small one keeps its time', async () => {
  const { mtime } = await drive.stat('docs/read')
  await drive.clock.advance(10_000)
  await drive.rename('docs/read', 'docs/letter')
  expect((await drive.stat('docs/letter')).mtime).toEqual(mtime)
  await drive.settleAll()
  expect((await drive.stat('docs/letter')).mtime).toEqual(mtime)
})

it('on a full drive a small one takes the place of the other as it is', async () => {
  drive.remote.totalBytes = drive.remote.tree.usedBytes()
  drive.drive.writeBack.learnCapacity(await drive.remote.capacity())
  await drive.rename('docs/read', 'docs/letter')
  await drive.settleAll()
  await expectDone('docs/read')
})

it('over a file that exists only here survives kill -9, and that one is gone', async () => {
  await drive.save('docs/new', 'not wanted')
  await drive.rename('docs/read', 'docs/new')
  await drive.crash()
  expect(await drive.names('docs')).toEqual(['large', 'letter', 'new', 'unread'])
  await drive.settleAll()
  expect(drive.remote.textAt('docs/new')).toBe('small')
  expect(drive.copies()).toEqual([])
})

it('over a file that exists only here goes at once; that one is shown again where the server refuses', async () => {
  await drive.save('docs/new', 'precious')
  for (const call of ['rename', 'move'] as const)
    drive.remote.fail(call, new RemoteError('denied', 'not now'))
  await drive.rename('docs/read', 'docs/new')
  expect(await drive.text('docs/new')).toBe('small')
  await drive.settleAll()
  expect(await drive.text('docs/read')).toBe('small')
  expect(await drive.text('docs/new')).toBe('precious')
  expect(drive.remote.textAt('docs/new')).toBe('precious')
})
