import type { WireThumb } from '../../api/types.ts'
import { ApiFailure } from '../failure.ts'
import { extensionOf } from '../names.ts'
import { encodePng, paint } from '../pictures/png.ts'
import { activityCategory } from '../state/activities.ts'
import type { Entity } from '../state/entities.ts'
import { pathOf, type FileNode } from '../state/tree.ts'
import { formatMs } from '../times.ts'
import { find, placeOf, type Op } from './place.ts'
import { charge, noThumbnailMark, thumbnailType } from './versions.ts'

/** Files that begin as a picture does and have one of these names. */
export const thumbnailExtensions = ['jpeg', 'jpg', 'png'] as const

const firstBytes = [Buffer.of(0xff, 0xd8, 0xff), Buffer.of(0x89, 0x50, 0x4e, 0x47)]
const [width, height] = [80, 60]

/**
 * `GET /file/thumb`: makes the small picture when it is wanted for the first time. What is no picture fails with -1 once and is marked
 * then (api/00-live-account §47).
 * @throws {ApiFailure} -1, 40077 there is none, 40051 it has no room: it counts as the owner's
 */
export async function thumbnailUrl(op: Op, uri: string): Promise<WireThumb> {
  const { world } = op
  const place = placeOf(op, uri)
  const node = find(op, place)
  if (node.isFolder || node.metadata.has(noThumbnailMark)) throw new ApiFailure(40077)
  if (!node.current || node.current.sizeBytes === 0) throw new ApiFailure(-1, { msg: '' })
  const known = node.entities.find(({ type }) => type === thumbnailType)
  const entity = known ?? (await make(op, node, node.current))
  const { path, expiresAtMs } = world.urls.contentUrl(entity.id, node.name)
  return { url: `${world.origin}${path}&thumb=true`, expires: formatMs(expiresAtMs) }
}

async function make(op: Op, node: FileNode, content: Entity): Promise<Entity> {
  const { world, caller } = op
  if (!(await isPicture(op, node, content))) {
    node.metadata.set(noThumbnailMark, '')
    world.tree.changed()
    throw new ApiFailure(-1, { msg: '' })
  }
  // Nothing is decoded here: it is as good as a picture to tell files apart.
  const shade = content.number * 37
  const bytes = encodePng(
    paint(width, height, (x, y) => [(x * 3 + shade) & 255, (y * 4 + shade) & 255, (shade * 5) & 255]),
  )
  charge(world, node.ownerNumber, bytes.length)
  const entity = world.entities.create({
    type: thumbnailType,
    sizeBytes: bytes.length,
    createdUs: world.time.stampUs(),
    createdBy: caller.user?.number ?? node.ownerNumber,
    uploadSessionId: undefined,
  })
  await world.entities.contents.write(entity.number, 0, bytes)
  node.entities.push(entity)
  world.tree.changed()
  const category = activityCategory.thumbnail
  world.activities.record(node, { userNumber: undefined, content: { category }, versionId: entity.id })
  world.events.publish({ type: 'modify', node, from: pathOf(node) }, caller.clientId)
  return entity
}

async function isPicture({ world }: Op, { name }: FileNode, content: Entity): Promise<boolean> {
  const extensions: readonly string[] = thumbnailExtensions
  if (!extensions.includes(extensionOf(name))) return false
  const begin = await world.entities.read(content, 0, Math.min(4, content.sizeBytes))
  return firstBytes.some((bytes) => begin.subarray(0, bytes.length).equals(bytes))
}
