import { inflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { WireActivityList, WireFile } from '../../../src/api/types.ts'
import { activityCategory } from '../../../src/server/state/activities.ts'
import { my, withServer } from './client.ts'

describe('embedded server: the demo drive', () => {
  it('holds documents, pictures, versions, a share and something in the trash', () =>
    withServer({ seed: 'demo', pro: true }, async (client, server) => {
      const paths = server.admin.tree().map(({ path }) => path)
      expect(paths).toContain('/Documents/Project plan.md')
      expect(paths).toContain('/Pictures/Harbour.jpg')
      expect(server.admin.versions('/Documents/Project plan.md')).toHaveLength(4)
      expect(server.admin.trash()).toEqual(['cloudreve://my/Documents/Letter%20(draft).txt'])
      expect((await client.info('/Pictures', '&extended=true')).data).toMatchObject({
        shared: true,
        extended_info: { shares: [{ name: 'Pictures', unlocked: true, visited: 1 }] },
      })
      const files = server.admin.tree().filter(({ type }) => type === 'file')
      const stored = await Promise.all(server.admin.tree().map(({ path }) => server.admin.read(path)))
      expect(stored.filter((bytes) => bytes.length > 0)).toHaveLength(files.length)
    }))

  it('shows what three people did to one file, newest first and by filter', () =>
    withServer({ seed: 'demo', pro: true }, async (client, server) => {
      const uri = encodeURIComponent(my('/Documents/Project plan.md'))
      const { data } = await client.call(
        'GET',
        `/file/activities?uri=${uri}&page_size=50&order_direction=desc`,
      )
      const { activities } = data as WireActivityList
      expect(new Set(activities.map(({ user }) => user?.nickname))).toEqual(new Set(['Demo', 'Ann', 'Ben']))
      const times = activities.map(({ created_at }) => Date.parse(created_at))
      expect(times).toEqual([...times].sort((a, b) => b - a))
      expect(activities[1]!.version_id).toBe(server.admin.versions('/Documents/Project plan.md').at(-1))
      const reads = await client.call('GET', `/file/activities?uri=${uri}&page_size=50&filter=reads`)
      expect((reads.data as WireActivityList).activities.map(({ content }) => content.category)).toEqual([
        11, 18, 11,
      ])
    }))

  it('shared its things when the activities say so, not when the server started', () =>
    withServer({ seed: 'demo', pro: true }, async (client) => {
      for (const path of ['/Pictures', '/Documents/Project plan.md']) {
        const { data } = await client.info(path, '&extended=true')
        const [share] = (data as WireFile).extended_info!.shares!
        const uri = encodeURIComponent(my(path))
        const list = await client.call('GET', `/file/activities?uri=${uri}&page_size=50`)
        const { activities } = list.data as WireActivityList
        const shared = activities.find(({ content }) => content.category === activityCategory.share)
        expect(share).toMatchObject({ created_at: shared!.created_at, visited: 1 })
      }
    }))

  it('has pictures that programs can read', () =>
    withServer({ seed: 'demo' }, async (_client, server) => {
      const png = await server.admin.read('/Pictures/2025/Dusk.png')
      expect(png.subarray(1, 4).toString()).toBe('PNG')
      const start = png.indexOf('IDAT') + 4
      expect(inflateSync(png.subarray(start, start + png.readUInt32BE(start - 8)))).toHaveLength(
        200 * (320 * 3 + 1),
      )
      const jpeg = await server.admin.read('/Pictures/Harbour.jpg')
      expect([...jpeg.subarray(0, 2), ...jpeg.subarray(-2)]).toEqual([0xff, 0xd8, 0xff, 0xd9])
      const pdf = (await server.admin.read('/Documents/Handbook.pdf')).toString('latin1')
      const table = Number(/startxref\n(\d+)\n%%EOF/.exec(pdf)![1])
      expect(pdf.slice(table, table + 4)).toBe('xref')
    }))
})
