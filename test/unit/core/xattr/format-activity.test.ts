import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { activityCategories } from '../../../../src/core/xattr/activity-categories.ts'
import { activityJson, formatActivity } from '../../../../src/core/xattr/index.ts'
import { capabilityWords } from '../../../../src/core/xattr/capability-words.ts'
import { localTime, oneLine, uriAsPath } from '../../../../src/core/xattr/words.ts'
import type { EntityId } from '../../../../src/remote/types.ts'
import { activity } from '../../../fakes/facts-remote.ts'

const berlin = { timeZone: 'Europe/Berlin' }

describe('an activity in a line', () => {
  it.each([
    [activity({ version: 'Yt5k' as EntityId }), 'Ann  uploaded content, version Yt5k'],
    [
      activity({
        category: 8,
        originalName: 'plan.md',
        newName: 'roadmap.md',
        from: 'cloudreve://my/Plans/plan.md',
      }),
      'Ann  renamed plan.md -> roadmap.md from /Plans/plan.md',
    ],
    [
      activity({ category: 14, from: 'cloudreve://my/a%20b/x', to: 'cloudreve://my/%E6%97%A5/x' }),
      'Ann  moved from /a b/x to /日/x',
    ],
    [activity({ category: 11, user: undefined }), 'a visitor or the server  downloaded or viewed'],
    [activity({ category: 21, user: undefined }), 'the server  made a thumbnail'],
    [
      activity({ category: 27, storagePolicy: 'Cold' }),
      'Ann  moved to another storage policy, storage policy Cold',
    ],
    [
      activity({ category: 19, entityCreatedAtMs: Date.UTC(2026, 0, 1, 12) }),
      'Ann  made an older version current, content of 2026-01-01 13:00:00',
    ],
    [activity({ category: 777, originalName: 'x' }), 'Ann  activity 777 x'],
    [activity({ category: -1 }), 'Ann  activity -1'],
    [activity({ user: { id: 'q1', nickname: '' } }), 'q1  uploaded content'],
  ])('%# says who did what', (given, expected) => {
    expect(formatActivity(given, berlin)).toBe(`2026-02-03 17:20:05  ${expected}`)
  })

  it('of a derived history says no more than is known', () => {
    const line = formatActivity(activity({ category: 23, user: undefined }), { ...berlin, derived: true })
    expect(line).toBe('2026-02-03 17:20:05  unknown  changed (renamed, moved, restored or tagged)')
  })

  it('stays one line, whatever somebody called a file', () => {
    const text = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(text, text, text, (nickname, newName, to) => {
        const line = formatActivity(
          activity({ user: { id: 'u', nickname }, newName, to: `cloudreve://my/${to}` }),
        )
        expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
      }),
    )
    expect(oneLine('a\nb\u001B[31mc\u202Ed')).toBe('a\\x0ab\\x1b[31mc\\u202ed')
  })

  it('has words for every category of the server, all different', () => {
    expect(activityCategories).toHaveLength(62)
    expect(activityCategories[8]?.name).toBe('file_rename')
    expect(activityCategories[29]?.name).toBe('extract_archive')
    expect(activityCategories[43]?.name).toBe('get_direct_link')
    expect(activityCategories[57]?.name).toBe('delete_direct_link')
    expect(activityCategories[61]?.name).toBe('oauth_grant_revoke')
    expect(new Set(activityCategories.map(({ words }) => words)).size).toBe(62)
    expect(new Set(activityCategories.map(({ name }) => name)).size).toBe(62)
  })
})

describe('an activity for programs', () => {
  it('has the time in UTC, and null for what is not known', () => {
    expect(activityJson(activity({ category: 99, atMs: Number.NaN }))).toEqual({
      id: 'a1',
      at: null,
      category: 99,
      name: null,
      user: { id: 'lpua', nickname: 'Ann' },
      version: null,
      originalName: null,
      newName: null,
      from: null,
      to: null,
      contentCreatedAt: null,
      storagePolicy: null,
    })
    expect(activityJson(activity())).toMatchObject({
      at: '2026-02-03T16:20:05.000Z',
      name: 'entity_uploaded',
    })
  })
})

describe('times', () => {
  it.each([
    ['UTC', '2026-02-03 23:59:59'],
    ['Europe/Berlin', '2026-02-04 00:59:59'],
    ['America/New_York', '2026-02-03 18:59:59'],
    ['Asia/Kolkata', '2026-02-04 05:29:59'],
  ])('are those of the clock on the wall in %s', (timeZone, expected) => {
    expect(localTime(Date.UTC(2026, 1, 3, 23, 59, 59), { timeZone })).toBe(expected)
  })

  it('say midnight as 00', () => {
    expect(localTime(Date.UTC(2026, 1, 3), { timeZone: 'UTC' })).toBe('2026-02-03 00:00:00')
  })

  it.each([Number.NaN, Infinity, 1e300])('that make no sense (%d) are said to be unknown', (atMs) => {
    expect(localTime(atMs)).toBe('unknown time')
  })
})

describe('places', () => {
  it.each([
    ['cloudreve://my', '/'],
    ['cloudreve://my/', '/'],
    ['cloudreve://my/a/b.txt?x=1', '/a/b.txt'],
    ['cloudreve://my/12%EF%BC%9A30', '/12:30'],
    ['cloudreve://Xy12:secret@share/a%2Bb', 'share Xy12:/a+b'],
    ['cloudreve://Xy12@my/a', 'my Xy12:/a'],
    ['cloudreve://trash/0b1c', 'trash:/0b1c'],
    ['something else\n', 'something else\\x0a'],
    ['cloudreve://my/100%', '/100%'],
  ])('%s is shown as %s', (uri, expected) => {
    expect(uriAsPath(uri)).toBe(expected)
  })
})

describe('capabilities', () => {
  it.each([
    [
      'w8edAQ==',
      'create, rename, upload, download, set metadata, list, make thumbnails, delete for good, lock, delete to the trash, share, show details, manage versions, enter, change the view',
    ],
    ['AMIK', 'list, delete for good, lock, restore, show details'],
    ['', 'nothing'],
    ['AAAAAAE=', 'capability 32'],
  ])('%s allows: %s', (base64, words) => {
    expect(capabilityWords(base64)).toBe(words)
  })
})
