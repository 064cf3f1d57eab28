import fc from 'fast-check'
import { expect, it } from 'vitest'
import { settle } from '../../../fakes/manual-clock.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

const files = 24

type Step =
  | { readonly kind: 'read'; readonly from: number; readonly count: number }
  | { readonly kind: 'overwrite'; readonly file: number }
  | { readonly kind: 'overwriteAsOther'; readonly file: number }
  | { readonly kind: 'remove'; readonly file: number }
  | { readonly kind: 'rename'; readonly file: number; readonly to: number }
  | { readonly kind: 'wait' }

const file = fc.nat(files - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const), from: file, count: fc.nat(12) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('overwrite' as const, 'overwriteAsOther' as const, 'remove' as const),
      file,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rename' as const), file, to: file }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'wait' as const }) },
)

/** What a name shows, by the last change; `former`: also that, until the folder is looked at anew. */
interface Expected {
  text: string
  former: Set<string>
}

class Folder {
  readonly #drive: TestDrive
  readonly #expected = new Map<string, Expected>()
  #versions = 0

  constructor(drive: TestDrive) {
    this.#drive = drive
    for (let i = 0; i < files; i += 1)
      this.#expected.set(nameOf(i), { text: `first ${i}`, former: new Set() })
  }

  async do(step: Step): Promise<void> {
    if (step.kind === 'read') return this.#read(step.from, step.count)
    if (step.kind === 'wait') return this.#wait()
    const name = nameOf(step.file)
    const expected = this.#expected.get(name)
    if (!expected) return undefined
    const text = `version ${(this.#versions += 1)} of ${name}`
    if (step.kind === 'overwrite') {
      await this.#wait() // Somebody else's change would be a conflict.
      await this.#drive.save(`d/${name}`, text)
      this.#expected.set(name, { text, former: new Set() })
    } else if (step.kind === 'overwriteAsOther') {
      this.#drive.remote.putAsOther(`d/${name}`, text)
      expected.former.add(expected.text)
      expected.text = text
    } else if (step.kind === 'remove') {
      await this.#wait()
      await this.#drive.unlink(`d/${name}`)
      this.#expected.delete(name)
    } else if (!this.#expected.has(nameOf(step.to))) {
      await this.#drive.rename(`d/${name}`, `d/${nameOf(step.to)}`)
      this.#expected.delete(name)
      this.#expected.set(nameOf(step.to), expected)
    }
    return undefined
  }

  /** Everything is at the server, and seen here. */
  async #wait(): Promise<void> {
    await this.#drive.settleAll()
    await this.#drive.outdate()
    await this.#drive.names('d')
    for (const { former } of this.#expected.values()) former.clear()
  }

  /** All at once, so that what is fetched ahead is on its way meanwhile. */
  async #read(from: number, count: number): Promise<void> {
    for (let i = from; i < from + count; i += 1) {
      const name = nameOf(i)
      const expected = this.#expected.get(name)
      if (!expected) continue
      const text = await this.#drive.text(`d/${name}`)
      expect([expected.text, ...expected.former]).toContain(text)
    }
  }
}

const nameOf = (i: number) => `f${String(i).padStart(2, '0')}`

it('programs read what a file holds, whatever is renamed, replaced and deleted while others are fetched ahead', async () => {
  let fetchedAhead = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 20 }), async (steps) => {
      const drive = await TestDrive.open({}, (remote) => {
        for (let i = 0; i < files; i += 1) remote.putAsOther(`d/${nameOf(i)}`, `first ${i}`)
      })
      try {
        await drive.names('d')
        const folder = new Folder(drive)
        for (const step of steps) await folder.do(step)
        await settle()
        fetchedAhead += drive.remote.count('prepareReads')
      } finally {
        await drive.stop()
      }
    }),
    { numRuns: 15 },
  )
  expect(fetchedAhead).toBeGreaterThan(0)
}, 120_000)
