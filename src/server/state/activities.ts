import type { WireActivityContent } from '../../api/types.ts'
import { assertNever } from '../../base/assert.ts'
import type { ServerTime, TimeUs } from '../times.ts'
import type { FileNode } from './tree.ts'

/** Numbers of the server's audit log that concern files (api/05 §3). */
export const activityCategory = {
  create: 7,
  rename: 8,
  upload: 10,
  download: 11,
  copyFrom: 12,
  copyTo: 13,
  move: 14,
  delete: 15,
  trash: 16,
  share: 17,
  shareViewed: 18,
  setVersion: 19,
  deleteVersion: 20,
  thumbnail: 21,
  metadata: 23,
  editShare: 24,
  deleteShare: 25,
  directLink: 43,
  view: 56,
  deleteDirectLink: 57,
} as const

const reads: readonly number[] = [activityCategory.download, activityCategory.shareViewed]

export interface Activity {
  readonly number: number
  readonly atUs: TimeUs
  /** Undefined: an anonymous visitor or the system. */
  readonly userNumber: number | undefined
  readonly content: WireActivityContent
  readonly versionId: string | undefined
}

export interface NewActivity {
  userNumber: number | undefined
  content: WireActivityContent
  versionId?: string | undefined
  /** Now unless given; a made-up past needs it. */
  atUs?: TimeUs
}

export type ActivityFilter = '' | 'my' | 'updates' | 'reads'

/** What users did to each file, oldest first. Empty unless the server plays Pro. */
export class Activities {
  readonly #time: ServerTime
  readonly #isOn: boolean
  readonly #byNode = new Map<number, Activity[]>()
  #last = 0

  constructor(time: ServerTime, isOn: boolean) {
    this.#time = time
    this.#isOn = isOn
  }

  record(node: FileNode, { userNumber, content, versionId, atUs }: NewActivity): void {
    if (!this.#isOn) return
    const number = (this.#last += 1)
    const activity = { number, atUs: atUs ?? this.#time.stampUs(), userNumber, content, versionId }
    const list = this.#byNode.get(node.number)
    if (list) list.push(activity)
    else this.#byNode.set(node.number, [activity])
  }

  /** Oldest first. `userNumber` is who asks, for the filter `my`. */
  of(node: FileNode, filter: ActivityFilter, userNumber: number | undefined): Activity[] {
    const all = this.#byNode.get(node.number) ?? []
    switch (filter) {
      case 'my':
        return all.filter((activity) => userNumber !== undefined && activity.userNumber === userNumber)
      case 'reads':
        return all.filter(({ content }) => reads.includes(content.category))
      case 'updates':
        return all.filter(({ content }) => !reads.includes(content.category))
      case '':
        return all
      default:
        return assertNever(filter)
    }
  }
}
