import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { file as fileSchema } from '../../../../src/api/schema.ts'
import { derivedPage } from '../../../../src/remote/cloudreve/derived-history.ts'
import type { Activity, ActivityQuery } from '../../../../src/remote/types.ts'
import { scriptedRemote, type ScriptedRemote } from '../../../fakes/scripted-remote.ts'
import { wireFile } from '../../../fakes/scripted-server.ts'

const ann = { id: 'U1', nickname: 'Ann' }
const bob = { id: 'U2', nickname: 'Bob' }
const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()
const query: ActivityQuery = { filter: 'all', direction: 'asc', cursor: undefined, pageSize: 10 }

function derive(members: Record<string, unknown>, info: Record<string, unknown>, asked = query) {
  const wire = wireFile({
    created_at: at(0),
    updated_at: at(0),
    ...members,
    extended_info: { storage_used: 0, ...info },
  })
  return derivedPage(fileSchema.parse(wire), asked, 'U1')
}

const version = (id: string, minute: number, created_by: unknown = ann) => ({
  id,
  type: 0,
  size: 1,
  created_at: at(minute),
  created_by,
})
const summary = ({ activities }: { activities: readonly Activity[] }) =>
  activities.map(({ category, version, user }) => [category, version, user?.nickname])

describe('a derived history', () => {
  it('tells of creation, uploads and links, and by whom', () => {
    const page = derive(
      { primary_entity: 'v2', updated_at: at(5) },
      {
        entities: [version('v2', 5, bob), { ...version('t', 2), type: 1 }, version('v1', 0)],
        shares: [{ id: 's', created_at: at(3) }],
        direct_links: [{ id: 'l', created_at: at(4) }],
      },
    )
    expect(page).toMatchObject({ derived: true, nextCursor: undefined })
    expect(summary(page)).toEqual([
      [7, undefined, 'Ann'],
      [10, 'v1', 'Ann'],
      [17, undefined, undefined],
      [43, undefined, undefined],
      [10, 'v2', 'Bob'],
    ])
  })

  it('takes a file whose contents are older than itself for a copy', () => {
    expect(
      summary(
        derive(
          { created_at: at(9), updated_at: at(9), primary_entity: 'v1' },
          { entities: [version('v1', 1)] },
        ),
      ),
    ).toEqual([
      [10, 'v1', 'Ann'],
      [12, undefined, undefined],
    ])
  })

  it('sees that an older content was made current', () => {
    const page = derive(
      { primary_entity: 'v1', updated_at: at(9) },
      { entities: [version('v2', 5), version('v1', 0)] },
    )
    expect(summary(page).at(-1)).toEqual([19, 'v1', undefined])
    expect(page.activities.at(-1)).toMatchObject({
      atMs: Date.parse(at(9)),
      entityCreatedAtMs: Date.parse(at(0)),
    })
  })

  it('shows a later change of the record only when nothing else explains it', () => {
    const entities = [version('v1', 0)]
    expect(summary(derive({ primary_entity: 'v1', updated_at: at(9) }, { entities })).at(-1)?.[0]).toBe(23)
    expect(summary(derive({ primary_entity: 'v1', updated_at: at(0) }, { entities })).length).toBe(2)
    // An old time that a client set says nothing.
    expect(
      summary(derive({ primary_entity: 'v1', updated_at: '2001-01-01T00:00:00Z' }, { entities })).length,
    ).toBe(2)
  })

  it('leaves out the placeholder of an upload that is under way', () => {
    const metadata = { 'sys:upload_session_id': 'S' }
    const page = derive(
      { primary_entity: 'v1', metadata },
      { entities: [version('v2', 5), version('v1', 0)] },
    )
    expect(summary(page)).toEqual([
      [7, undefined, 'Ann'],
      [10, 'v1', 'Ann'],
    ])
  })

  it('filters as the real one does', () => {
    const info = {
      entities: [version('v2', 5, bob), version('v1', 0)],
      shares: [{ id: 's', created_at: at(3) }],
    }
    const only = (filter: ActivityQuery['filter']) =>
      summary(derive({ primary_entity: 'v2' }, info, { ...query, filter }))
    expect(only('my').map(([, , user]) => user)).toEqual(['Ann', 'Ann'])
    expect(only('updates').length).toBe(4)
    expect(only('reads')).toEqual([])
  })

  it('gives every entry once, in order, whatever the size of a page and the direction', () => {
    const minutes = fc.array(fc.nat(5), { maxLength: 12 })
    fc.assert(
      fc.property(
        minutes,
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom('asc' as const, 'desc' as const),
        (at, pageSize, direction) => {
          const entities = at.map((minute, i) => version(`v${i}`, minute))
          const all = derive({}, { entities }, { ...query, direction, pageSize: 100 }).activities
          const paged: Activity[] = []
          for (let cursor: string | undefined; ;) {
            const page = derive({}, { entities }, { ...query, direction, pageSize, cursor })
            paged.push(...page.activities)
            cursor = page.nextCursor
            if (cursor === undefined) break
          }
          expect(paged).toEqual(all)
          const times = all.map(({ atMs }) => atMs)
          expect(times).toEqual(times.toSorted((a, b) => (direction === 'asc' ? a - b : b - a)))
        },
      ),
    )
  })
})

describe('a logged history', () => {
  let scripted: ScriptedRemote

  afterEach(() => scripted.stop())

  it('keeps what the server says, without passwords, and unknown categories by number', async () => {
    scripted = await scriptedRemote()
    scripted.server.on('GET /file/activities', {
      data: {
        activities: [
          {
            id: 'A1',
            content: {
              category: 8,
              original_name: 'a',
              new_name: 'b',
              from: 'cloudreve://x:pw@share/a',
              exts: null,
            },
            created_at: at(1),
            user: { ...ann, avatar: '', created_at: at(0) },
            version_id: null,
          },
          {
            id: 'A2',
            content: { category: 4711, storage_policy_name: 'Cold' },
            created_at: at(0),
            user: null,
          },
        ],
        pagination: { page: 0, page_size: 10, next_token: 'next', is_cursor: true },
      },
    })
    const page = await scripted.remote.activities(['a'], {
      ...query,
      direction: 'desc',
      filter: 'my',
      cursor: 'here',
      pageSize: 3,
    })
    expect(page).toMatchObject({ derived: false, nextCursor: 'next' })
    expect(page.activities).toMatchObject([
      {
        id: 'A1',
        category: 8,
        user: ann,
        originalName: 'a',
        newName: 'b',
        from: 'cloudreve://x@share/a',
        version: undefined,
      },
      { id: 'A2', category: 4711, user: undefined, storagePolicy: 'Cold' },
    ])
    expect(Object.fromEntries(scripted.server.seen[0]?.query ?? [])).toEqual({
      uri: 'cloudreve://my/a',
      page_size: '10',
      order_direction: 'desc',
      filter: 'my',
      next_page_token: 'here',
    })
  })

  it('that fails is not taken for one that the server does not have', async () => {
    scripted = await scriptedRemote()
    scripted.server.on('GET /file/activities', { code: 40016, msg: 'Path not exist' })
    await expect(scripted.remote.activities(['a'], query)).rejects.toMatchObject({ kind: 'not-found' })
    await expect(scripted.remote.activities(['a'], query)).rejects.toMatchObject({ kind: 'not-found' })
    expect(scripted.server.counts).toEqual({ 'GET /file/activities': 2 })
  })
})
