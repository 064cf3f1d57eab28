import { afterEach, describe, expect, it } from 'vitest'
import { connectCloudreve } from '../../../../src/remote/cloudreve/index.ts'
import type { Remote } from '../../../../src/remote/remote.ts'
import { embeddedRemote, type EmbeddedRemote } from '../../../fakes/embedded-remote.ts'
import { bytesSource } from '../../../fakes/scripted-remote.ts'

let embedded: EmbeddedRemote

afterEach(async () => {
  expect(await embedded.stop()).toEqual([])
})

/** `tree/f0/a`, `tree/f0/b`, `tree/f1/a` … */
async function start(folders: number, ...options: Parameters<typeof embeddedRemote>): Promise<Remote> {
  embedded = await embeddedRemote(...options)
  const { remote } = embedded
  const source = bytesSource(Buffer.from('x'))
  for (let i = 0; i < folders; i += 1)
    for (const name of ['a', 'b'])
      await remote.upload({ path: ['tree', `f${i}`, name], previous: 'absent', source })
  await remote.createFolder(['tree', 'f0', 'empty', 'below'])
  embedded.server.requests.clear()
  return remote
}

async function walk(remote: Remote): Promise<string[]> {
  const paths: string[] = []
  for await (const { entries } of remote.listSubtree(['tree']))
    paths.push(...entries.map(({ uri }) => remote.facts.pathOf(uri)!.join('/')))
  return paths
}

describe('everything below a folder', () => {
  it('comes in one request a page, parents first, each object once', async () => {
    const remote = await start(3, { maxPageSize: 4 })
    const paths = await walk(remote)
    expect(new Set(paths).size).toBe(paths.length)
    expect(paths.slice(0, 3).sort()).toEqual(['tree/f0', 'tree/f1', 'tree/f2'])
    expect(paths.at(-1)).toBe('tree/f0/empty/below')
    expect(paths).toHaveLength(3 + 6 + 2)
    // A page begins with the last object of the page before.
    expect(embedded.server.requests.count()).toBe(4)
  })

  it('comes with the folder itself on each page, also where nothing is in it', async () => {
    const remote = await start(3, { maxPageSize: 4 })
    for (const path of [['tree'], ['tree', 'f0', 'empty', 'below']]) {
      const { id } = await remote.info(path)
      const ids: string[] = []
      for await (const { folder } of remote.listSubtree(path)) ids.push(folder.id)
      expect(ids.length).toBeGreaterThan(0)
      expect(new Set(ids)).toEqual(new Set([id]))
    }
  })

  it('is asked for a page ahead of who works on one, and not further', async () => {
    const remote = await start(3, { maxPageSize: 4 })
    const { requests } = embedded.server
    const pages = remote.listSubtree(['tree'])[Symbol.asyncIterator]()
    await pages.next()
    await requests.until(() => requests.all.filter(({ isDone }) => isDone).length === 2)
    await pages.return?.()
    expect(requests.count()).toBe(2)
  })

  it('is "unsupported" where the server gives up before its end', async () => {
    const remote = await start(3, { maxRecursiveFolders: 3 })
    await expect(walk(remote)).rejects.toMatchObject({ kind: 'unsupported' })
  })

  it('of a folder that is gone is "not-found"', async () => {
    const remote = await start(1)
    await remote.remove([['tree']])
    await expect(walk(remote)).rejects.toMatchObject({ kind: 'not-found' })
  })
})

describe('an address of the server', () => {
  it('is a path of the mount where it lies below its root, and nowhere else', async () => {
    const remote = await start(1)
    const { uri } = await remote.info(['tree', 'f0', 'a'])
    expect(remote.facts.pathOf(uri)).toEqual(['tree', 'f0', 'a'])
    const { tokenSource } = await (
      await import('../../../../src/auth/session.ts')
    ).passwordSession(embedded.server.url, embedded.server, { clock: embedded.clock })
    const below = await connectCloudreve({
      origin: embedded.server.url,
      tokenSource,
      rootUri: 'cloudreve://my/tree',
      clock: embedded.clock,
    })
    expect(below.facts.pathOf(uri)).toEqual(['f0', 'a'])
    expect(below.facts.pathOf('cloudreve://my/other/a')).toBeUndefined()
    expect(below.facts.pathOf('cloudreve://trash/1')).toBeUndefined()
    await below.close()
  })
})
