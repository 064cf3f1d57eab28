/**
 * One client renames and moves what is its own, while another, in the time in which nothing arrives, moves things away and puts others
 * in their place. Whatever order that takes, what the other has made stays in the folder and under the name that he gave it.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { errnoOf, type TestDrive } from '../../../fakes/test-drive.ts'
import { TwoDrives } from '../../../fakes/two-drives.ts'

const folders = ['', 'd', 'e', 'd/s'] as const
const names = ['a', 'b', 's'] as const
const place = fc.tuple(fc.constantFrom(...folders), fc.constantFrom(...names)).map(join)

type Own = { readonly from: string; readonly to: string }
/** Moves what is at a place to another one, and puts something new in its place; or deletes it before that. */
type Foreign = { readonly at: string; readonly to: string | undefined; readonly isFolder: boolean }

interface Round {
  readonly own: readonly Own[]
  readonly foreign: readonly Foreign[]
  readonly isKilled: boolean
  /** The answer to the first move is lost; of a rename nobody could tell what that has done. */
  readonly isLost: boolean
}

const round: fc.Arbitrary<Round> = fc.record({
  own: fc.array(fc.record({ from: place, to: place }), { minLength: 1, maxLength: 4 }),
  foreign: fc.array(
    fc.record({ at: place, to: fc.option(place, { nil: undefined, freq: 6 }), isFolder: fc.boolean() }),
    { minLength: 1, maxLength: 4 },
  ),
  isKilled: fc.boolean(),
  isLost: fc.boolean(),
})

function join([folder, name]: readonly [string, string]): string {
  return folder === '' ? name : `${folder}/${name}`
}

class Run {
  readonly #both: TwoDrives
  /** Where the other client has put things of its own: the folder's id and the name, by id. */
  readonly #theirs = new Map<string, string>()
  readonly #deleted = new Set<string>()
  #made = 0

  constructor(both: TwoDrives) {
    this.#both = both
  }

  get #one(): TestDrive {
    return this.#both.one
  }

  async step({ own, foreign, isKilled, isLost }: Round): Promise<void> {
    const { remote, clock } = this.#one
    for (const each of own) await this.#rename(each)
    remote.offline = true
    await clock.advance(2_000)
    for (const each of foreign) this.#change(each)
    if (isKilled) await this.#one.crash(() => void (remote.offline = false))
    remote.offline = false
    if (isLost) remote.loseAnswers('move')
    await this.#one.settleAll()
    remote.script.forgetTrouble()
    await this.#one.outdate()
  }

  /** What is the other's no program here touches. */
  async #rename({ from, to }: Own): Promise<void> {
    const one = this.#one
    if (!(await one.exists(from)) || (await one.exists(to)) || `${to}/`.startsWith(`${from}/`)) return
    const id = await one.getxattr(from, 'user.cloudreve.id')
    if (!this.#theirs.has(id)) await errnoOf(one.rename(from, to, { noReplace: true }))
  }

  #change({ at, to, isFolder }: Foreign): void {
    const { remote } = this.#one
    const { tree } = remote
    const node = tree.find(at.split('/'))
    if (!node) return
    const parent = tree.find((to ?? '').split('/').slice(0, -1))
    const isInside = to !== undefined && `${to}/`.startsWith(`${at}/`)
    if (to === undefined) this.#delete(at)
    else if (tree.find(to.split('/')) || parent?.kind !== 'folder' || isInside) return
    else remote.moveAsOther(at, to)
    if (to !== undefined) this.#noteTheirs(to)
    this.#made += 1
    if (isFolder) remote.mkdirAsOther(at)
    else remote.putAsOther(at, `theirs ${this.#made}`)
    this.#theirs.set(remote.entryAt(at).id, '')
    this.#noteTheirs(at)
  }

  #noteTheirs(at: string): void {
    const { tree } = this.#one.remote
    const node = tree.get(at.split('/'))
    if (this.#theirs.has(node.id)) this.#theirs.set(node.id, `${node.name} in ${node.parent!.id}`)
  }

  #delete(at: string): void {
    const { remote } = this.#one
    const top = remote.tree.get(at.split('/'))
    for (const node of remote.tree.walk())
      for (let above: typeof top | undefined = node; above; above = above.parent)
        if (above === top) this.#deleted.add(node.id)
    remote.removeAsOther(at)
  }

  async check(before: ReadonlySet<string>): Promise<void> {
    await this.#both.settleAll()
    await this.#both.agreed()
    const places = new Map(
      [...this.#one.remote.tree.walk()].map(({ id, name, parent }) => [
        id as string,
        `${name} in ${parent?.id ?? ''}`,
      ]),
    )
    const theirs = [...this.#theirs].filter(([id]) => !this.#deleted.has(id))
    expect(theirs.map(([id]) => [id, places.get(id)])).toEqual(theirs)
    expect([...before].filter((id) => !places.has(id) && !this.#deleted.has(id))).toEqual([])
  }
}

describe('renames and moves that arrive late', () => {
  it('leave what another client has made where it has put that, and lose nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 3 }), async (rounds) => {
        const files = { a: '1', b: '2', 'd/a': '3', 'd/s/a': '4', 'd/s/b': '5', 'e/b': '6' }
        const both = await TwoDrives.open(files)
        const run = new Run(both)
        const before = new Set([...both.one.remote.tree.walk()].map(({ id }) => id as string))
        for (const each of rounds) await run.step(each)
        await run.check(before)
        await both.stop()
      }),
      { numRuns: 20 },
    )
  }, 120_000)
})
