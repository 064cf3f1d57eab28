import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { listing } from '../../../../src/api/schema.ts'
import { walkListing, type PageRequest } from '../../../../src/remote/cloudreve/listing-walk.ts'
import { wireFile, wireFolder, wireListing } from '../../../fakes/scripted-server.ts'

interface Item {
  readonly id: string
  readonly isFolder: boolean
  readonly createdAt: number
}

interface Cursor {
  readonly id: string
  readonly time: number
  readonly start_with_file?: true
}

/**
 * Pages as the server makes them, defect included: folders first; a cursor is the last object of the page, and when folders
 * exactly fill a page it says "go on with the files", measured by the key of that *folder*.
 */
class DefectiveServer {
  readonly items: Item[]
  requests = 0
  readonly #overlaps: boolean

  constructor(items: readonly Item[], overlaps: boolean) {
    this.items = items.toSorted(
      (a, b) =>
        Number(b.isFolder) - Number(a.isFolder) || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1),
    )
    this.#overlaps = overlaps
  }

  page({ pageSize, token }: PageRequest) {
    this.requests += 1
    if (this.requests > 2000) throw new Error('the walk does not end')
    const cursor =
      token === undefined ? undefined : (JSON.parse(Buffer.from(token, 'base64').toString()) as Cursor)
    const rest = this.items.filter((item) => this.#isAfter(item, cursor))
    const folders = rest.filter(({ isFolder }) => isFolder)
    const page = folders.length === pageSize ? folders : rest.slice(0, pageSize)
    const last = page.at(-1)
    const exact = folders.length === pageSize && this.items.some(({ isFolder }) => !isFolder)
    const more = exact || rest.length > page.length
    const next =
      last && more
        ? this.#token({
            id: last.id,
            time: last.createdAt,
            ...(exact ? { start_with_file: true as const } : {}),
          })
        : undefined
    return parse(page, {
      page: 0,
      page_size: pageSize,
      is_cursor: true,
      ...(next ? { next_token: next } : {}),
    })
  }

  #isAfter(item: Item, cursor: Cursor | undefined): boolean {
    if (!cursor) return true
    const from = this.items.find(({ id }) => id === cursor.id)
    const wasFolder = from?.isFolder ?? false
    if (cursor.start_with_file && item.isFolder) return false
    if (!cursor.start_with_file && wasFolder !== item.isFolder) return wasFolder
    if (this.#overlaps && item.createdAt === cursor.time) return item.id >= cursor.id
    return item.createdAt > cursor.time || (item.createdAt === cursor.time && item.id > cursor.id)
  }

  #token(cursor: Cursor): string {
    return Buffer.from(JSON.stringify(cursor)).toString('base64')
  }
}

function parse(items: readonly Item[], pagination: unknown) {
  const files = items.map(({ id, isFolder }) => (isFolder ? wireFolder({ id }) : wireFile({ id })))
  return listing.parse(wireListing(files, { pagination }))
}

async function walk(fetch: (request: PageRequest) => unknown, pageSize: number): Promise<string[]> {
  const ids: string[] = []
  const fetchPage = (request: PageRequest) => Promise.resolve(fetch(request) as ReturnType<typeof parse>)
  for await (const { files } of walkListing({ fetch: fetchPage, pageSize, subject: '/x' }))
    ids.push(...files.map(({ id }) => id))
  return ids
}

const items = fc
  .record({
    folders: fc.integer({ min: 0, max: 14 }),
    files: fc.integer({ min: 0, max: 14 }),
    seed: fc.infiniteStream(fc.nat(20)),
  })
  .map(({ folders, files, seed }) =>
    Array.from({ length: folders + files }, (_, i): Item => ({
      id: `i${String(i).padStart(2, '0')}`,
      isFolder: i < folders,
      createdAt: Number(seed.next().value ?? 0),
    })),
  )

describe('a walk by cursor', () => {
  it('sees every object once, whatever fits into a page', async () => {
    await fc.assert(
      fc.asyncProperty(
        items,
        fc.integer({ min: 3, max: 16 }),
        fc.boolean(),
        async (all, pageSize, overlaps) => {
          const server = new DefectiveServer(all, overlaps)
          const ids = await walk((request) => server.page(request), pageSize)
          expect(ids.toSorted()).toEqual(all.map(({ id }) => id).toSorted())
        },
      ),
      { numRuns: 300 },
    )
  })

  it('would lose files without the work-around', () => {
    const older = Array.from({ length: 3 }, (_, i): Item => ({ id: `f${i}`, isFolder: false, createdAt: i }))
    const folders = Array.from({ length: 4 }, (_, i): Item => ({
      id: `d${i}`,
      isFolder: true,
      createdAt: 10 + i,
    }))
    const server = new DefectiveServer([...older, ...folders], false)
    const first = server.page({ pageSize: 4, token: undefined, page: undefined })
    const second = server.page({ pageSize: 4, token: first.pagination?.next_token ?? '', page: undefined })
    expect([first.files.length, second.files.length]).toEqual([4, 0])
  })

  it('costs one request a page, and one more where folders fill a page', async () => {
    const plain = Array.from({ length: 9 }, (_, i): Item => ({ id: `f${i}`, isFolder: false, createdAt: i }))
    const without = new DefectiveServer(plain, false)
    await walk((request) => without.page(request), 4)
    expect(without.requests).toBe(3)
    const full = new DefectiveServer(
      [...plain.slice(0, 2), ...plain.slice(2, 6).map((item) => ({ ...item, isFolder: true }))],
      false,
    )
    await walk((request) => full.page(request), 4)
    expect(full.requests).toBe(3)
  })

  it('ends with an error where the server repeats itself for ever', async () => {
    const same = parse([{ id: 'a', isFolder: false, createdAt: 0 }], {
      is_cursor: true,
      page_size: 1,
      next_token: 'e30=',
    })
    await expect(walk(() => same, 1)).rejects.toMatchObject({ kind: 'protocol' })
  })

  it('takes a missing pagination for the end', async () => {
    expect(await walk(() => parse([{ id: 'a', isFolder: false, createdAt: 0 }], null), 4)).toEqual(['a'])
  })

  it('passes an error on instead of ending early', async () => {
    let calls = 0
    const fetch = () => {
      calls += 1
      if (calls === 2) throw new Error('lost')
      return parse([{ id: 'a', isFolder: false, createdAt: 0 }], {
        is_cursor: true,
        page_size: 1,
        next_token: 'e30=',
      })
    }
    await expect(walk(fetch, 1)).rejects.toThrow('lost')
  })
})

const offsetPage = (all: readonly string[], index: number, size: number) =>
  parse(
    all.slice(index * size, index * size + size).map((id) => ({ id, isFolder: false, createdAt: 0 })),
    { page: index, page_size: size, total_items: all.length },
  )

describe('a walk by offset', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  it('sees every object in one request a page', async () => {
    let requests = 0
    const ids = await walk(({ page: index }) => {
      requests += 1
      return offsetPage(names, index ?? 0, 3)
    }, 3)
    expect([ids, requests]).toEqual([names, 3])
  })

  it('looks again when something before the page was deleted', async () => {
    let all = names
    const ids = await walk(({ page: index }) => {
      if (index === 1) all = names.slice(1)
      return offsetPage(all, index ?? 0, 3)
    }, 3)
    expect(ids.toSorted()).toEqual(names)
  })

  it('gives up on a folder that never stands still', async () => {
    let length = 100
    const shrinking = ({ page: index }: PageRequest) => {
      length -= 1
      return offsetPage(
        Array.from({ length }, (_, i) => `n${i}`),
        index ?? 0,
        3,
      )
    }
    await expect(walk(shrinking, 3)).rejects.toMatchObject({ kind: 'conflict' })
  })
})
