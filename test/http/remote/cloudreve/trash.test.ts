import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TrashedEntry } from '../../../../src/remote/trash.ts'
import type { RemotePath } from '../../../../src/remote/types.ts'
import { embeddedRemote, listAll, type EmbeddedRemote } from '../../../fakes/embedded-remote.ts'

let embedded: EmbeddedRemote

beforeEach(async () => {
  embedded = await embeddedRemote({ maxPageSize: 4, maxBatchSize: 3 })
})

afterEach(async () => {
  expect(await embedded.stop()).toEqual([])
})

async function trashed(top: RemotePath): Promise<TrashedEntry[]> {
  const all: TrashedEntry[] = []
  for await (const entries of embedded.remote.listTrash(top)) all.push(...entries)
  return all
}

/** Deletes files of these names in a folder; so many as a batch takes go together. */
async function removeFiles(folder: string, count: number): Promise<void> {
  const paths = Array.from({ length: count }, (_, i) => [folder, `f${i}`])
  for (const path of paths) await embedded.server.admin.write(path.join('/'), path.join('/'))
  await embedded.remote.remove(paths)
  embedded.server.requests.clear()
}

const counts = () => embedded.server.requests.summary()
const from = (entries: readonly TrashedEntry[]) =>
  entries.map((each) => each.from?.join('/') ?? '').toSorted()

describe('the trash', () => {
  it('tells what was deleted in a folder, page by page, with ids and entities', async () => {
    const entity = await embedded.server.admin.write('/d/one', 'x')
    const { id } = await embedded.remote.info(['d', 'one'])
    await embedded.remote.remove([['d', 'one']])
    await removeFiles('d', 6)
    await removeFiles('other', 6)
    const found = await trashed(['d'])
    expect(from(found)).toEqual(['d/f0', 'd/f1', 'd/f2', 'd/f3', 'd/f4', 'd/f5', 'd/one'])
    expect(counts()).toEqual({ 'GET /file': 2 })
    const one = found.find(({ entry }) => entry.name === 'one')!
    expect(one.entry).toMatchObject({
      id,
      entity,
      uri: expect.stringMatching(/^cloudreve:\/\/trash\//) as string,
    })
    const retentionMs = 7 * 24 * 3_600_000
    expect(one.keptUntilMs - embedded.clock.now()).toBeGreaterThan(retentionMs - 60_000)
    expect(one.keptUntilMs - embedded.clock.now()).toBeLessThanOrEqual(retentionMs + 1_000)
  })

  it('of the top folder is all of it', async () => {
    await removeFiles('d', 3)
    await removeFiles('e', 3)
    expect(from(await trashed([]))).toHaveLength(6)
  })

  it.each(["it's (new)! & + ~", '100 %41', 'Bücher, 本', '#?=;:@$'.replace(/[?:]/g, ''), 'a_b'])(
    'is found by the name %s',
    async (name) => {
      await embedded.server.admin.write(`/${name}/f`, 'x')
      await embedded.remote.remove([[name, 'f']])
      expect(from(await trashed([name]))).toEqual([`${name}/f`])
      expect(from(await trashed([name, 'f']))).toEqual([`${name}/f`])
    },
  )

  it('is purged of what is named, in as many calls as that takes, and of what is gone already', async () => {
    await removeFiles('d', 5)
    const found = await trashed(['d'])
    await embedded.remote.purge(found.slice(0, 1))
    embedded.server.requests.clear()
    await embedded.remote.purge(found.slice(0, 4))
    expect(counts()).toEqual({ 'DELETE /file': 2 })
    expect(from(await trashed(['d']))).toEqual(['d/f4'])
  })

  it('gives back what it can, and says what it could not', async () => {
    await removeFiles('d', 4)
    await embedded.server.admin.write('/d/f1', 'theirs')
    const found = await trashed(['d'])
    embedded.server.requests.clear()
    expect(from(await embedded.remote.putBack(found))).toEqual(['d/f1'])
    expect(counts()).toEqual({ 'POST /file/restore': 2 })
    expect((await listAll(embedded.remote, ['d'])).map(({ name }) => name).toSorted()).toEqual([
      'f0',
      'f1',
      'f2',
      'f3',
    ])
    expect((await embedded.server.admin.read('/d/f1')).toString()).toBe('theirs')
  })

  it('gives a folder back before what was deleted in it', async () => {
    await embedded.server.admin.write('/d/sub/f', 'x')
    await embedded.remote.remove([['d', 'sub', 'f']])
    await embedded.remote.remove([['d']])
    const found = (await trashed(['d'])).toSorted((a, b) => a.from!.length - b.from!.length)
    expect(await embedded.remote.putBack(found)).toEqual([])
    expect(embedded.server.admin.exists('/d/sub/f')).toBe(true)
  })

  it('counts what is in a folder, at any depth', async () => {
    await embedded.server.admin.write('/d/sub/f', 'x')
    await embedded.server.admin.write('/d/g', 'x')
    await embedded.remote.remove([['d']])
    const [folder] = await trashed(['d'])
    embedded.server.requests.clear()
    const count = await embedded.remote.countTrashed(folder!)
    expect(count).toMatchObject({ files: 2, folders: 1, isWhole: true })
    expect(Math.abs(count.countedAtMs - embedded.clock.now())).toBeLessThan(60_000)
    expect(counts()).toEqual({ 'GET /file/info': 1 })
  })
})

describe('a call that deletes many', () => {
  it('deletes those that are there, whichever batch they are in, and names the others', async () => {
    const paths = ['gone 1', 'f0', 'f1', 'f2', 'gone 2', 'f3'].map((name) => [name])
    for (const [name] of paths)
      if (!name!.startsWith('gone')) await embedded.server.admin.write(`/${name}`, 'x')
    const removing = embedded.remote.remove(paths)
    await expect(removing).rejects.toMatchObject({ kind: 'not-found', absent: [['gone 1'], ['gone 2']] })
    expect(await listAll(embedded.remote, [])).toEqual([])
  })
})
