import type { WireExplorerView } from '../../api/types.ts'
import { ApiFailure, invalid } from '../failure.ts'
import { find, placeOf, type Op } from './place.ts'

/** `PATCH /file/view`: saves how a folder is shown, or forgets it. It changes later listings that do not say what they want. */
export function saveView(op: Op, uri: string, view: unknown): void {
  const checked = view === undefined ? undefined : checkView(view)
  const place = placeOf(op, uri)
  if (place.fs !== 'my') throw new ApiFailure(403)
  const node = find(op, place)
  node.view = checked
  op.world.tree.touch(node)
}

/** @throws {ApiFailure} 40001 a member is missing or out of range */
function checkView(view: unknown): WireExplorerView {
  if (typeof view !== 'object' || view === null) throw invalid()
  const { page_size, order_direction, view: kind, gallery_width } = view as Partial<WireExplorerView>
  const isRight =
    typeof page_size === 'number' &&
    page_size >= 50 &&
    ['asc', 'desc'].includes(order_direction ?? '') &&
    ['list', 'grid', 'gallery'].includes(kind ?? '') &&
    typeof gallery_width === 'number' &&
    gallery_width >= 50 &&
    gallery_width <= 500
  if (!isRight) throw invalid()
  return view as WireExplorerView
}
