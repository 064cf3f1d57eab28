import type { WireActivityContent } from '../../api/types.ts'
import { completeVersion } from '../files/versions.ts'
import { activityCategory } from '../state/activities.ts'
import type { FileNode } from '../state/tree.ts'
import type { User } from '../state/users.ts'
import type { World } from '../state/world.ts'
import type { TimeUs } from '../times.ts'

const usPerHour = 3_600_000_000

/** When and by whom something was done. */
export interface Moment {
  by: User
  /** Hours before the server started. */
  hoursAgo: number
}

/** Fills a drive with a believable past: objects, versions and activities that lie before the server's start. */
export class SeedBuilder {
  readonly world: World
  readonly owner: User
  readonly #startUs: TimeUs

  constructor(world: World, owner: User) {
    this.world = world
    this.owner = owner
    this.#startUs = world.time.stampUs()
  }

  /** The folder at a path; what is missing is made. */
  folder(path: string, moment: Moment): FileNode {
    let folder = this.world.tree.root(this.owner.number)
    for (const name of path.split('/').filter((element) => element !== ''))
      folder = folder.children.get(name) ?? this.#make(folder, { name, isFolder: true }, moment)
    return folder
  }

  /** A new file, or a new version of one. */
  async file(path: string, content: Buffer | string, moment: Moment): Promise<FileNode> {
    const { world, owner } = this
    const updatedUs = this.timeUs(moment.hoursAgo)
    const cut = path.lastIndexOf('/')
    const parent = this.folder(path.slice(0, cut), moment)
    const name = path.slice(cut + 1)
    const node = parent.children.get(name) ?? this.#make(parent, { name, isFolder: false }, moment)
    const bytes = Buffer.from(content)
    const entity = world.entities.create({
      type: 0,
      sizeBytes: bytes.length,
      createdUs: updatedUs,
      createdBy: moment.by.number,
      uploadSessionId: undefined,
    })
    await world.entities.contents.write(entity.number, 0, bytes)
    owner.usedBytes += bytes.length
    node.entities.push(entity)
    completeVersion(world, node, { entity, updatedUs })
    this.did(node, activityCategory.upload, moment, { versionId: entity.id })
    return node
  }

  /** Records an activity in the past. */
  did(
    node: FileNode,
    category: number,
    { by, hoursAgo }: Moment,
    more: { content?: Omit<WireActivityContent, 'category'>; versionId?: string } = {},
  ): void {
    this.world.activities.record(node, {
      userNumber: by.number,
      content: { category, ...more.content },
      versionId: more.versionId,
      atUs: this.timeUs(hoursAgo),
    })
  }

  timeUs(hoursAgo: number): TimeUs {
    return this.#startUs - Math.round(hoursAgo * usPerHour)
  }

  #make(parent: FileNode, { name, isFolder }: { name: string; isFolder: boolean }, moment: Moment): FileNode {
    const atUs = this.timeUs(moment.hoursAgo)
    const { ownerNumber } = parent
    const node = this.world.tree.create({ ownerNumber, isFolder, name, parent, atUs })
    this.did(node, activityCategory.create, moment)
    return node
  }
}
