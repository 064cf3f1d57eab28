import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { Fh } from '../../../../src/core/types.ts'
import type { MemoryRemote } from '../../../fakes/memory-remote.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let test: TestDrive
afterEach(() => test.stop())

/** `f0` to `f<count - 1>` in a folder `big`. */
const plant = (count: number) => (remote: MemoryRemote) => {
  for (let i = 0; i < count; i += 1) remote.putAsOther(`big/f${i}`, '')
}

/** A program that lists `big`, a call at a time. */
class Reader {
  readonly names: string[] = []
  #fh: Fh | undefined
  #isOver = false
  readonly #isPlus: boolean

  constructor(isPlus: boolean) {
    this.#isPlus = isPlus
  }

  async open(): Promise<Fh> {
    return (this.#fh ??= (await test.fs.opendir(await test.ino('big'), test.context())).fh)
  }

  /** What one more call answers. */
  async some(): Promise<readonly string[]> {
    const { fs } = test
    const args = [await this.open(), this.names.length, test.context()] as const
    const batch = this.#isPlus ? await fs.readdirPlus(...args) : await fs.readdir(...args)
    if (batch.length === 0) this.#isOver = true
    this.names.push(...batch.map(({ name }) => name))
    return batch.map(({ name }) => name)
  }

  async rest(): Promise<void> {
    while (!this.#isOver) await this.some()
    if (this.#fh !== undefined) await test.fs.releasedir(this.#fh)
  }
}

describe.each([true, false])('a folder of 100,000 entries, with their attributes: %s', (isPlus) => {
  it('is listed from its first page on, while the others still come [E23]', async () => {
    test = await TestDrive.open({}, plant(100_000))
    const rest = test.remote.script.hold('list', 'before', 1)
    const reader = new Reader(isPlus)
    expect((await reader.some())[0]).toBe('f0')
    await reader.some()
    expect(reader.names).toHaveLength(2_000)
    expect(test.remote.count('list')).toBe(2)
    let isAnswered = false
    const next = reader.some().finally(() => (isAnswered = true))
    await settle()
    expect(isAnswered).toBe(false)
    rest.release()
    expect((await next)[0]).toBe('f2000')
    await reader.rest()
    expect(new Set(reader.names).size).toBe(100_000)
    expect(test.remote.count('list')).toBe(50)
  })
})

/** Ten files, four a page. */
const openSmall = () => TestDrive.open({ remote: { pageSize: 4 } }, plant(10))

describe('while pages of a folder still come', () => {
  it('a name on them is found, and one that is not there is waited for [E23]', async () => {
    test = await openSmall()
    const rest = test.remote.script.hold('list', 'before', 1)
    await new Reader(true).some()
    expect((await test.stat('big/f3')).kind).toBe('file')
    let isAnswered = false
    const others = Promise.all([test.exists('big/f4'), test.exists('big/nothing')])
    void others.finally(() => (isAnswered = true))
    await settle()
    expect(isAnswered).toBe(false)
    rest.release()
    expect(await others).toEqual([true, false])
    expect(test.remote.count('list')).toBe(3)
  })

  it('attributes are those of the page', async () => {
    test = await openSmall()
    const ino = await test.ino('big/f1')
    await test.outdate()
    test.remote.putAsOther('big/f1', 'longer')
    test.remote.script.forgetCalls()
    const rest = test.remote.script.hold('list', 'before', 1)
    expect((await test.fs.getattr(ino, undefined, test.context())).attr.sizeBytes).toBe(6)
    expect(test.remote.count('list')).toBe(2)
    rest.release()
  })

  it('nothing is taken for deleted, nor the folder for empty', async () => {
    test = await openSmall()
    const ino = await test.ino('big/f9')
    await test.outdate()
    const rest = test.remote.script.hold('list', 'before', 2)
    await new Reader(true).some()
    expect(test.notices.filter((notice) => notice.startsWith('gone'))).toEqual([])
    let outcome: string | undefined = 'waits'
    const removing = errnoOf(test.rmdir('big')).then((errno) => (outcome = errno))
    await settle()
    expect(outcome).toBe('waits')
    rest.release()
    await removing
    expect(outcome).toBe('ENOTEMPTY')
    expect(await test.ino('big/f9')).toBe(ino)
  })

  it('one that never comes leaves the folder unknown', async () => {
    test = await openSmall()
    test.remote.script.hold('list', 'before', 1)
    const reader = new Reader(false)
    expect(await reader.some()).toEqual(['f0', 'f1', 'f2', 'f3'])
    expect(await errnoOf(test.during(reader.some(), 1_000))).toBe('EIO')
  })

  it('an error between two of them repeats no name', async () => {
    test = await openSmall()
    const rest = test.remote.script.hold('list', 'before', 1)
    const reader = new Reader(true)
    await reader.some()
    test.remote.fail('list', new RemoteError('offline', 'the server is away'))
    rest.release()
    await test.during(reader.rest())
    expect(reader.names).toEqual(Array.from({ length: 10 }, (_, i) => `f${i}`))
  })

  it('what was removed here is not found on them, and what was made here is in the rest', async () => {
    test = await openSmall()
    await test.names('big')
    await test.outdate()
    const rest = test.remote.script.hold('list', 'before', 2)
    const reader = new Reader(false)
    await reader.some()
    const removing = test.unlink('big/f1')
    const making = test.save('big/new', 'x')
    await settle()
    rest.release()
    await Promise.all([removing, making])
    expect(await test.exists('big/f1')).toBe(false)
    await reader.rest()
    expect(reader.names).toContain('new')
    expect(await test.names('big')).not.toContain('f1')
  })

  it('those of another folder that took the name are not shown', async () => {
    test = await openSmall()
    const reader = new Reader(false)
    await reader.open()
    await test.outdate()
    test.remote.moveAsOther('big', 'away')
    for (let i = 0; i < 8; i += 1) test.remote.putAsOther(`big/other${i}`, '')
    await test.during(reader.rest())
    expect(reader.names).toEqual(Array.from({ length: 10 }, (_, i) => `f${i}`))
  })

  it('a second reader gets the same names', async () => {
    test = await openSmall()
    const rest = test.remote.script.hold('list', 'before', 1)
    const readers = [new Reader(true), new Reader(false)]
    for (const reader of readers) await reader.some()
    rest.release()
    for (const reader of readers) await reader.rest()
    expect(readers[0]!.names).toEqual(readers[1]!.names)
    expect(test.remote.count('list')).toBe(3)
  })
})

type Step = readonly [
  kind: 'read' | 'page' | 'unlink' | 'create' | 'rename' | 'put' | 'remove' | 'move',
  at: number,
]

const steps = fc.array(
  fc.tuple(
    fc.constantFrom('read', 'page', 'unlink', 'create', 'rename', 'put', 'remove', 'move'),
    fc.nat(19),
  ),
  { maxLength: 12 },
)

describe('a folder that is listed while it changes', () => {
  it('shows each name once, all that were there all the time, and in the end what is there [E23]', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (todo, isPlus) => {
        const settings = { renameDelayMs: 0, quietMs: 0 }
        test = await TestDrive.open({ remote: { pageSize: 3 }, settings }, plant(20))
        try {
          await race(todo, isPlus)
        } finally {
          await test.stop()
        }
      }),
      { numRuns: 50 },
    )
    test = await TestDrive.open()
  }, 120_000)
})

/** What is done by us waits for the listing, so it is done beside it. */
async function race(todo: readonly Step[], isPlus: boolean): Promise<void> {
  const touched = new Set<string>()
  const ours: Promise<unknown>[] = []
  let gate = test.remote.script.hold('list', 'before', 1)
  const reader = new Reader(isPlus)
  await reader.some()
  const does: Record<Step[0], (name: string) => void> = {
    read: () => void ours.push(reader.some().catch(() => undefined)),
    page: () => {
      const next = test.remote.script.hold('list', 'before', 1)
      gate.release()
      gate = next
    },
    unlink: (name) => void ours.push(errnoOf(test.unlink(`big/${name}`))),
    create: (name) => void ours.push(errnoOf(test.save(`big/new ${name}`, 'x'))),
    rename: (name) => void ours.push(errnoOf(test.rename(`big/${name}`, `big/moved ${name}`))),
    put: (name) => void test.remote.putAsOther(`big/${name}`, 'other'),
    remove: (name) => test.remote.entryAt(`big/${name}`) && test.remote.removeAsOther(`big/${name}`),
    move: (name) => test.remote.moveAsOther(`big/${name}`, `away/${name}`),
  }
  let isReading = false
  for (const [kind, at] of todo) {
    const name = `f${at}`
    if (kind === 'read' && isReading) continue
    if (kind === 'read') isReading = true
    if ((kind === 'remove' || kind === 'move') && !test.remote.bytesAt(`big/${name}`)) continue
    if (kind !== 'read' && kind !== 'page') touched.add(name)
    does[kind](name)
    await settle()
  }
  gate.release()
  await test.during(Promise.all(ours))
  await test.during(reader.rest())
  await test.settleAll()
  await test.outdate()
  expect(reader.names).toHaveLength(new Set(reader.names).size)
  for (let i = 0; i < 20; i += 1) if (!touched.has(`f${i}`)) expect(reader.names).toContain(`f${i}`)
  const atServer = test.remote.paths().filter((path) => path.startsWith('big/') && path !== 'big/')
  expect((await test.names('big')).map((name) => `big/${name}`)).toEqual(atServer)
}
