import type { WireActivity, WireActivityList } from '../../api/types.ts'
import { ApiFailure, invalid } from '../failure.ts'
import { find, placeOf } from '../files/place.ts'
import { ok } from '../http/answer.ts'
import { queryInteger, requiredQuery } from '../http/fields.ts'
import { cursorPagination } from '../list-pages.ts'
import type { Handler, Route } from '../router.ts'
import type { Activity, ActivityFilter } from '../state/activities.ts'
import type { World } from '../state/world.ts'
import { formatUs } from '../times.ts'

const filters: readonly string[] = ['', 'my', 'updates', 'reads']
const leastPageSize = 10
const mostPageSize = 100

/** `GET /file/activities` of Pro: what was done to one object, by cursor, in either direction (api/05 §1). */
const activities: Handler = ({ world, op, caller, query }) => {
  const uri = requiredQuery(query, 'uri')
  const asked = queryInteger(query, 'page_size')
  const filter = query.get('filter') ?? ''
  const direction = query.get('order_direction') || 'asc'
  if (asked === undefined || asked < leastPageSize) throw invalid()
  if (!filters.includes(filter) || !['asc', 'desc'].includes(direction)) throw invalid()
  const pageSize = Math.min(asked, mostPageSize)
  const node = find(op, placeOf(op, uri))
  const all = world.activities.of(node, filter as ActivityFilter, caller.user?.number)
  const ordered = direction === 'desc' ? [...all].reverse() : all
  const after = afterToken(world, query.get('next_page_token') ?? '')
  const sign = direction === 'desc' ? -1 : 1
  const rest = ordered.filter(({ number }) => after === undefined || sign * (number - after) > 0)
  const page = rest.slice(0, pageSize)
  const nextToken = rest.length > pageSize ? tokenOf(world, page.at(-1)!) : undefined
  return ok({
    activities: page.map((activity) => present(world, activity)),
    pagination: cursorPagination(pageSize, nextToken),
  } satisfies WireActivityList)
}

function present(world: World, { number, content, atUs, userNumber, versionId }: Activity): WireActivity {
  const user = userNumber === undefined ? undefined : world.users.get(userNumber)
  return {
    id: world.ids.encode('activity', number),
    content,
    created_at: formatUs(atUs),
    user: user ? world.users.wireRedacted(user, { withEmail: true, withGroup: true }) : null,
    ...(versionId === undefined ? {} : { version_id: versionId }),
  }
}

function tokenOf(world: World, { number }: Activity): string {
  return Buffer.from(JSON.stringify({ id: world.ids.encode('activity', number) })).toString('base64')
}

/** @throws {ApiFailure} -1 */
function afterToken(world: World, token: string): number | undefined {
  if (token === '') return undefined
  const id = /^\{"id":"([0-9A-Za-z]+)"\}$/.exec(Buffer.from(token, 'base64').toString())?.[1]
  const number = id === undefined ? undefined : world.ids.decode('activity', id)
  if (number === undefined) throw new ApiFailure(-1)
  return number
}

export const activityRoutes: Route[] = [{ method: 'GET', pattern: '/file/activities', handle: activities }]
