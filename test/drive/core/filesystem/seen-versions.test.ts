import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { constants } from 'node:fs'
import { ROOT_INO } from '../../../../src/core/index.ts'
import { TestDrive, type OpenedFile } from '../../../fakes/test-drive.ts'

let test: TestDrive

beforeEach(async () => {
  test = await TestDrive.open({}, (remote) => remote.putAsOther('f', 'v1'))
})

afterEach(() => test.stop())

/** As programs save: a temporary file, which the server has already, takes the name. */
async function saveOver(name: string, text: string, pid: number): Promise<void> {
  await test.save('.saved', text, pid)
  await test.settleAll()
  const from = { parent: ROOT_INO, name: '.saved' }
  await test.fs.rename(from, { parent: ROOT_INO, name }, {}, test.context({ pid }))
}

async function readOld(ino: Awaited<ReturnType<TestDrive['ino']>>, pid: number): Promise<void> {
  const { fh } = await test.fs.open(ino, constants.O_RDONLY, test.context({ pid }))
  await test.close({ fh, ino })
}

describe('who read what another program of this machine has replaced by then', () => {
  it('may replace that: the last one wins', async () => {
    const old = await test.ino('f')
    await saveOver('f', 'by another', 200)
    await readOld(old, 100) // its open was on the way while the name was taken
    await saveOver('f', 'the last one', 100)
    await test.settleAll()
    expect(await test.text('f')).toBe('the last one')
    expect(test.remote.textAt('f')).toBe('the last one')
    expect(test.copies()).toEqual([])
  })

  it('may do so after any number of replacements', async () => {
    const old = await test.ino('f')
    for (const text of ['second', 'third', 'fourth']) await saveOver('f', text, 200)
    await readOld(old, 100)
    await saveOver('f', 'the last one', 100)
    await test.settleAll()
    expect(test.remote.textAt('f')).toBe('the last one')
    expect(test.copies()).toEqual([])
  })

  it('must not replace what came from elsewhere after that', async () => {
    const old = await test.ino('f')
    await saveOver('f', 'by another', 200)
    await readOld(old, 100)
    await test.settleAll()
    test.remote.putAsOther('f', 'from elsewhere')
    await test.outdate()
    await saveOver('f', 'the last one', 100)
    await test.settleAll()
    expect(test.remote.textAt('f')).toBe('from elsewhere')
    expect(test.copies().map((path) => test.remote.textAt(path))).toEqual(['the last one'])
  })
})

describe('a file that is shown as it was opened to be written, and has a new version from elsewhere', () => {
  let writer: OpenedFile

  beforeEach(async () => {
    writer = await test.open('f', constants.O_RDWR, 5)
    test.remote.putAsOther('f', 'from elsewhere')
    await test.outdate()
    await test.names()
  })

  async function bothAreKept(): Promise<void> {
    await test.close(writer)
    await test.settleAll()
    expect(test.remote.textAt('f')).toBe('from elsewhere')
    expect(test.copies().map((path) => test.remote.textAt(path))).toEqual(['mine'])
  }

  it('is emptied and written by a thread that has not read it: both are kept [C3]', async () => {
    const file = await test.open('f', constants.O_RDWR, 6)
    expect(await test.read(file)).toBe('v1')
    await test.fs.setattr(file.ino, { sizeBytes: 0 }, file.fh, test.context({ pid: 7 }))
    await test.write(file, 'mine')
    await test.close(file)
    await bothAreKept()
  })

  it('is replaced by a program that has not read it: both are kept [C3]', async () => {
    await saveOver('f', 'mine', 7)
    await bothAreKept()
  })

  it('is deleted: it is shown again [D7]', async () => {
    await test.unlink('f')
    await test.close(writer)
    await test.settleAll()
    expect(test.remote.textAt('f')).toBe('from elsewhere')
    expect(await test.text('f')).toBe('from elsewhere')
  })
})
