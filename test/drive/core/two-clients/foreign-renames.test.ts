/** Somebody else puts another object where ours was, while our rename or move of that waits: the server changes names by path. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { TestDrive } from '../../../fakes/test-drive.ts'
import { TwoDrives } from '../../../fakes/two-drives.ts'

let both: TwoDrives
let one: TestDrive

const rest = { 'd/f': 'below', 'e/g': 'too' }

beforeEach(async () => {
  both = await TwoDrives.open({ a: 'v1', ...rest })
  ;({ one } = both)
  for (const drive of [one, both.two]) for (const folder of ['', 'd', 'e']) await drive.names(folder)
  one.remote.script.forgetCalls()
})

afterEach(() => both.stop())

/** Methods of the calls, in order. */
function calls(): string[] {
  return one.remote.calls.map(({ method }) => method).filter((method) => method !== 'capacity')
}

/** Another client has moved ours away from its path, and put something of its own there. */
function replaceAsOther(path: string, to: string, text = 'theirs'): void {
  one.remote.moveAsOther(path, to)
  one.remote.putAsOther(path, text)
}

function logged(level: string, part: string): Record<string, unknown>[] {
  return one.log.lines
    .filter((line) => line.level === level && line.message.includes(part))
    .map(({ fields }) => fields ?? {})
}

/** The network is away for so long that nothing of what was known before is believed. */
async function away(meanwhile: () => void): Promise<void> {
  one.remote.offline = true
  await one.clock.advance(5_000)
  meanwhile()
  one.remote.offline = false
}

describe('a rename of a file in whose place another client has put another one', () => {
  it.each([
    ['renamed', 'q'],
    ['moved to another folder', 'd/q'],
    ['moved to a folder that nobody here knows', 'new/below/q'],
  ])('leaves that under its name, and ours gets its new one (%s) [W61]', async (_, to) => {
    const { id } = one.remote.entryAt('a')
    await one.rename('a', 'mine')
    replaceAsOther('a', to)
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, a: 'theirs', mine: 'v1' })
    expect(one.remote.entryAt('mine').id).toBe(id)
    expect(await one.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it.each([
    ['renamed', 'q'],
    ['moved to another folder', 'e/q'],
  ])(
    'and another folder in that of its folder, leaves both, and renames ours in ours (%s)',
    async (_, to) => {
      await one.rename('d/f', 'd/mine')
      one.remote.moveAsOther('d', to)
      one.remote.putAsOther('d/f', 'theirs')
      await both.settleAll()
      const names = Object.entries(await both.agreed())
      expect(names).toContainEqual(['d/f', 'theirs'])
      expect(names.filter(([, text]) => text === 'below').map(([path]) => path)).toEqual([`${to}/mine`])
    },
  )

  it('costs the rename back, the search and the rename anew', async () => {
    await one.rename('a', 'mine')
    replaceAsOther('a', 'q')
    await one.settleAll()
    expect(calls()).toEqual(['rename', 'rename', 'infoById', 'rename'])
    expect(logged('warn', 'has its name again')).toHaveLength(1)
  })

  it('costs a request where nobody else did anything', async () => {
    await one.rename('a', 'mine')
    await one.settleAll()
    expect(calls()).toEqual(['rename'])
  })

  it('ends where ours was deleted', async () => {
    await one.rename('a', 'mine')
    one.remote.removeAsOther('a')
    one.remote.putAsOther('a', 'theirs')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, a: 'theirs' })
    expect(logged('warn', 'deleted by somebody else')).toHaveLength(1)
    expect(await one.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('ends where ours was deleted, and what was written to it is a new file of the new name', async () => {
    await one.save('a', 'mine')
    await one.rename('a', 'b')
    one.remote.fail('upload', new RemoteError('server', 'failed'), 3)
    one.remote.removeAsOther('a')
    one.remote.putAsOther('a', 'theirs')
    await both.settleAll()
    expect(await both.agreedWithCopies()).toMatchObject({ ...rest, a: 'theirs' })
    expect(Object.values(await both.agreed())).toContain('mine')
  })

  it('ends where another client has given it the very name', async () => {
    await one.rename('a', 'd/q')
    replaceAsOther('a', 'd/q')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, a: 'theirs', 'd/q': 'v1' })
  })

  it('goes on after trouble while ours is looked for, and theirs is renamed once', async () => {
    await one.rename('a', 'mine')
    replaceAsOther('a', 'q')
    one.remote.fail('infoById', new RemoteError('offline', 'away'))
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, a: 'theirs', mine: 'v1' })
    expect(calls().filter((method) => method === 'rename')).toHaveLength(3)
  })

  it('says both names where theirs cannot be given back', async () => {
    await one.rename('a', 'mine')
    replaceAsOther('a', 'q')
    one.remote.script.pass('rename')
    one.remote.fail('rename', new RemoteError('denied', 'no'))
    await one.clock.advance(1_000)
    expect(logged('error', 'another client')).toMatchObject([{ file: 'a', now: 'mine' }])
    await both.settleAll()
    expect(Object.values(await both.agreed()).sort()).toEqual(['below', 'theirs', 'too', 'v1'])
  })

  it('takes a lost answer to the rename back for what it did', async () => {
    await one.rename('a', 'mine')
    replaceAsOther('a', 'q')
    const gate = one.remote.script.hold('rename', 'after', 1)
    const settling = one.clock.advance(1_000)
    await gate.entered
    one.remote.loseAnswers('rename')
    gate.release()
    await settling
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, a: 'theirs', mine: 'v1' })
    expect(logged('error', 'another client')).toEqual([])
  })

  it('whose answer is lost looks for ours, and says that theirs may have another name', async () => {
    await one.rename('a', 'mine')
    replaceAsOther('a', 'q')
    one.remote.loseAnswers('rename')
    await both.settleAll()
    expect(Object.values(await both.agreed()).sort()).toEqual(['below', 'theirs', 'too', 'v1'])
    expect(logged('warn', 'may have been given')).toMatchObject([{ file: '/mine', other: 'mine' }])
  })

  it('is done once where two files were exchanged', async () => {
    one.remote.putAsOther('b', 'second')
    await one.outdate()
    await one.names()
    await one.rename('a', 'mine')
    one.remote.moveAsOther('a', 'x')
    one.remote.moveAsOther('b', 'a')
    one.remote.moveAsOther('x', 'b')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, a: 'second', mine: 'v1' })
  })
})

describe('a rename of a folder in whose place another client has put another one', () => {
  it('leaves that under its name, and what is in ours stays in it', async () => {
    await one.rename('d', 'mine')
    replaceAsOther('d/f', 'e/d/f')
    one.remote.moveAsOther('d', 'theirs')
    one.remote.moveAsOther('e', 'd')
    one.remote.moveAsOther('theirs', 'e')
    await both.settleAll()
    const files = await both.agreed()
    expect(files).toEqual({ a: 'v1', 'mine/f': 'theirs', 'd/d/f': 'below', 'd/g': 'too' })
  })
})

describe('a move', () => {
  it('costs a request where the folders were just listed', async () => {
    await one.rename('a', 'd/a')
    await one.settleAll()
    expect(calls()).toEqual(['move'])
  })

  it('of a file to another name costs two', async () => {
    await one.rename('a', 'd/b')
    await one.settleAll()
    expect(calls()).toEqual(['rename', 'move'])
  })

  it.each([
    ['renamed', 'q'],
    ['moved to another folder', 'e/q'],
  ])('of a file in whose place another client has put another one moves ours (%s) [W62]', async (_, to) => {
    const { id } = one.remote.entryAt('a')
    await one.rename('a', 'd/a')
    await away(() => replaceAsOther('a', to))
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, a: 'theirs', 'd/a': 'v1' })
    expect(one.remote.entryAt('d/a').id).toBe(id)
    expect(await one.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('after the network was away is compared first, by a request a file and folder', async () => {
    await one.rename('a', 'd/a')
    await away(() => undefined)
    one.remote.script.forgetCalls()
    await one.settleAll()
    expect(calls()).toEqual(['info', 'info', 'move'])
  })

  it('of many is compared by a listing', async () => {
    for (const name of ['1', '2', '3', '4']) one.remote.putAsOther(`d/${name}`, name)
    await one.outdate()
    await one.names('d')
    for (const name of ['1', '2', '3', '4']) await one.rename(`d/${name}`, `e/${name}`)
    await away(() => replaceAsOther('d/2', 'd/q'))
    one.remote.script.forgetCalls()
    await both.settleAll()
    const compared = ['info', 'infoById', 'move']
    expect(calls().filter((method) => method !== 'list')).toEqual([...compared, 'info', 'move', 'rename'])
    expect(one.remote.count('list')).toBeLessThanOrEqual(2)
    const moved = { 'e/1': '1', 'e/2': '2', 'e/3': '3', 'e/4': '4' }
    expect(await both.agreed()).toEqual({ a: 'v1', ...rest, 'd/2': 'theirs', ...moved })
  })

  it('into a folder in whose place another client has put another one goes to ours', async () => {
    const { id } = one.remote.entryAt('d')
    await one.rename('a', 'd/a')
    await away(() => {
      one.remote.moveAsOther('d', 'q')
      one.remote.putAsOther('d/x', 'theirs')
    })
    await both.settleAll()
    expect(await both.agreed()).toEqual({ 'd/x': 'theirs', 'q/f': 'below', 'q/a': 'v1', 'e/g': 'too' })
    expect(one.remote.entryAt('q').id).toBe(id)
  })

  it.each([
    ['renamed', 'q'],
    ['moved to another folder', 'e/q'],
  ])('out of a folder in whose place another client has put another one moves ours (%s)', async (_, to) => {
    await one.rename('d/f', 'e/f')
    await away(() => {
      one.remote.moveAsOther('d', to)
      one.remote.putAsOther('d/f', 'theirs')
    })
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', 'd/f': 'theirs', 'e/f': 'below', 'e/g': 'too' })
    expect(one.remote.paths()).toContain(`${to}/`)
  })

  it('into a folder that another client has deleted is taken back', async () => {
    await one.rename('a', 'd/a')
    await away(() => one.remote.removeAsOther('d'))
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', 'e/g': 'too' })
  })

  it('of a file whose own folder has that name by now is taken back', async () => {
    await one.rename('d/f', 'e/f')
    await away(() => {
      one.remote.moveAsOther('d', 'e/f')
      one.remote.putAsOther('d/x', 'theirs')
    })
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', 'd/x': 'theirs', 'e/f/f': 'below', 'e/g': 'too' })
  })

  it('of a file that another client has deleted ends', async () => {
    await one.rename('a', 'd/a')
    await away(() => {
      one.remote.removeAsOther('a')
      one.remote.putAsOther('a', 'theirs')
    })
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, a: 'theirs' })
    expect(await one.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('whose answer was lost is found to be done', async () => {
    await one.rename('a', 'd/a')
    one.remote.loseAnswers('move')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, 'd/a': 'v1' })
  })
})

describe('a process that is killed', () => {
  it('after it renamed theirs leaves it to the next one to say so, and ours is kept [W63]', async () => {
    await one.rename('a', 'mine')
    replaceAsOther('a', 'q')
    const gate = one.remote.hold('rename', 'after')
    const settling = one.clock.advance(1_000)
    await gate.entered
    await one.crash()
    gate.release()
    await settling
    expect(logged('warn', 'may have been given')).toMatchObject([{ file: '/mine', other: 'mine' }])
    await both.settleAll()
    expect(Object.values(await both.agreed()).sort()).toEqual(['below', 'theirs', 'too', 'v1'])
  })

  it('before theirs was renamed says nothing, and renames ours', async () => {
    await one.rename('a', 'mine')
    replaceAsOther('a', 'q')
    await one.crash()
    await both.settleAll()
    expect(logged('warn', 'may have been given')).toEqual([])
    expect(await both.agreed()).toEqual({ ...rest, a: 'theirs', mine: 'v1' })
  })

  it('between the two requests of a move says nothing', async () => {
    await one.rename('a', 'd/b')
    const gate = one.remote.hold('move')
    const settling = one.clock.advance(1_000)
    await gate.entered
    await one.crash()
    gate.release()
    await settling
    await both.settleAll()
    expect(logged('warn', 'may have been given')).toEqual([])
    expect(await both.agreed()).toEqual({ ...rest, 'd/b': 'v1' })
  })
})
