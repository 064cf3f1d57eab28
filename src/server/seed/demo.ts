import { randomUUID } from 'node:crypto'
import { encodeJpeg } from '../pictures/jpeg.ts'
import { encodePng, paint } from '../pictures/png.ts'
import { activityCategory } from '../state/activities.ts'
import type { FileNode } from '../state/tree.ts'
import type { User } from '../state/users.ts'
import type { World } from '../state/world.ts'
import { SeedBuilder } from './builder.ts'
import { makePdf } from './pdf.ts'
import { budget, draft, handbook, notes, planVersions, welcome } from './texts.ts'

/**
 * A small believable drive for the first user: folders, documents, pictures, a file with several versions, activities by three users,
 * shares, something in the trash.
 */
export async function seedDemo(world: World): Promise<void> {
  const owner = world.users.all()[0]!
  const build = new SeedBuilder(world, owner)
  const people = { owner, ann: colleague(world, 'Ann'), ben: colleague(world, 'Ben') }
  await seedDocuments(build, people)
  await seedPictures(build, people)
  await seedTrash(build, people)
}

interface People {
  owner: User
  ann: User
  ben: User
}

function colleague(world: World, nickname: string): User {
  const email = `${nickname.toLowerCase()}@example.com`
  return world.users.byEmail(email) ?? world.users.add({ email, nickname, password: randomUUID() })
}

async function seedDocuments(build: SeedBuilder, { owner, ann, ben }: People): Promise<void> {
  await build.file('/Welcome.md', welcome, { by: owner, hoursAgo: 400 })
  await seedPlan(build, { owner, ann, ben })
  await build.file('/Documents/Budget.csv', budget, { by: ann, hoursAgo: 70 })
  const pdf = makePdf('Handbook', handbook)
  const file = await build.file('/Documents/Handbook.pdf', pdf, { by: owner, hoursAgo: 390 })
  build.did(file, activityCategory.download, { by: ben, hoursAgo: 120 })
  for (const [i, { name, text }] of notes.entries())
    await build.file(`/Documents/Meeting notes/${name}`, text, { by: ben, hoursAgo: 240 - i * 168 })
  build.folder('/Documents/Archive', { by: owner, hoursAgo: 380 })
}

/** One document with four versions, written by three people, renamed, read and shared. */
async function seedPlan(build: SeedBuilder, { owner, ann, ben }: People): Promise<void> {
  const path = '/Documents/Project plan.md'
  const [first, second, third, last] = planVersions
  const plan = await build.file('/Documents/Plan.md', first, { by: owner, hoursAgo: 300 })
  build.world.tree.detach(plan)
  build.world.tree.attach(plan, build.folder('/Documents', { by: owner, hoursAgo: 299 }), 'Project plan.md')
  const content = {
    original_name: 'Plan.md',
    new_name: 'Project plan.md',
    from: 'cloudreve://my/Documents/Plan.md',
  }
  build.did(plan, activityCategory.rename, { by: owner, hoursAgo: 299 }, { content })
  await build.file(path, second, { by: ann, hoursAgo: 200 })
  build.did(plan, activityCategory.download, { by: ben, hoursAgo: 150 })
  await build.file(path, third, { by: ben, hoursAgo: 90 })
  seedShare(build, plan, { owner, visitor: ben, hoursAgo: 80 })
  await build.file(path, last, { by: ann, hoursAgo: 26 })
  build.did(plan, activityCategory.download, { by: owner, hoursAgo: 3 })
}

async function seedPictures(build: SeedBuilder, { owner, ben }: People): Promise<void> {
  const dusk = paint(320, 200, (x, y) => [40 + (y >> 1), 60 + (x >> 3), 140 - (y >> 1)])
  const harbour = paint(640, 400, harbourColour)
  await build.file('/Pictures/2025/Dusk.png', encodePng(dusk), { by: owner, hoursAgo: 350 })
  await build.file('/Pictures/Harbour.jpg', encodeJpeg(harbour), { by: ben, hoursAgo: 88 })
  const folder = build.folder('/Pictures', { by: owner, hoursAgo: 350 })
  seedShare(build, folder, { owner, visitor: ben, hoursAgo: 80 })
}

/** A public link that one person has opened since. */
function seedShare(
  build: SeedBuilder,
  node: FileNode,
  { owner, visitor, hoursAgo }: { owner: User; visitor: User; hoursAgo: number },
): void {
  build.world.shares.add({
    ownerNumber: owner.number,
    node,
    createdUs: build.timeUs(hoursAgo),
    visited: 1,
    isPrivate: false,
    password: '',
    expiresUs: undefined,
    remainingDownloads: undefined,
    showView: false,
    showReadme: false,
  })
  build.did(node, activityCategory.share, { by: owner, hoursAgo })
  build.did(node, activityCategory.shareViewed, { by: visitor, hoursAgo: hoursAgo - 2 })
}

/** Sky, a low sun, and water with its reflection. */
function harbourColour(x: number, y: number): [number, number, number] {
  const isSun = (x - 420) ** 2 + (y - 170) ** 2 < 60 ** 2
  if (y < 240) return isSun ? [255, 214, 120] : [250 - (y >> 1), 160 - (y >> 3), 90 + (y >> 1)]
  const isGlitter = Math.abs(x - 420) < 80 && (y >> 3) % 2 === 0
  return isGlitter ? [240, 180, 110] : [40, 70 + ((y - 240) >> 2), 110 + ((x >> 5) % 3) * 6]
}

async function seedTrash(build: SeedBuilder, { ann }: People): Promise<void> {
  const { world } = build
  const node = await build.file('/Documents/Letter (draft).txt', draft, { by: ann, hoursAgo: 60 })
  world.tree.detach(node)
  world.tree.attachToTrash(node, randomUUID())
  const collectAtMs = world.time.nowMs() + world.settings.trashRetentionMs
  const from = 'cloudreve://my/Documents/Letter%20(draft).txt'
  node.metadata.set('sys:restore_uri', from)
  node.metadata.set('sys:expected_collect_time', String(Math.floor(collectAtMs / 1000)))
  build.did(node, activityCategory.trash, { by: ann, hoursAgo: 50 }, { content: { from } })
}
