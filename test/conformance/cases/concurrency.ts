import { expect } from 'vitest'
import { errorCode } from '../engine.ts'
import { expectBytes, expectContent, it, patterned, suite, text } from '../suite.ts'

const content = patterned(1_500_000, 12)

export const concurrency = suite('several at once', [
  it('two readers with interleaved offsets each get their bytes', async (fs) => {
    await fs.writeFile('f', content)
    await fs.settle()
    const [a, b] = [await fs.open('f', 'r'), await fs.open('f', 'r')]
    for (let i = 0; i < 20; i += 1) {
      const [front, back] = [i * 40_000, content.length - (i + 1) * 40_000]
      expectBytes(await a.read(front, 40_000), content.subarray(front, front + 40_000))
      expectBytes(await b.read(back, 40_000), content.subarray(back, back + 40_000))
    }
    await a.close()
    await b.close()
  }),

  it('many reads of one handle at once', async (fs) => {
    await fs.writeFile('f', content)
    await fs.settle()
    const handle = await fs.open('f', 'r')
    await Promise.all(
      Array.from({ length: 24 }, async (_, i) => {
        const offset = (i * 7_919_321) % (content.length - 10_000)
        expectBytes(await handle.read(offset, 10_000), content.subarray(offset, offset + 10_000))
      }),
    )
    await handle.close()
  }),

  it('a reader sees what a writer wrote before [S4]', async (fs) => {
    const writer = await fs.open('f', 'w')
    await writer.write('first', 0)
    const reader = await fs.open('f', 'r')
    expect((await reader.read(0, 100)).toString()).toBe('first')
    await writer.write(' second', 5)
    expect((await reader.read(0, 100)).toString()).toBe('first second')
    await writer.close()
    await fs.settle()
    expect((await reader.read(0, 100)).toString()).toBe('first second')
    await reader.close()
  }),

  it('a reader of an uploaded file sees a change made in its middle', async (fs) => {
    await fs.writeFile('f', content)
    await fs.settle()
    const reader = await fs.open('f', 'r')
    expectBytes(await reader.read(0, 1000), content.subarray(0, 1000))
    const writer = await fs.open('f', 'r+')
    await writer.write('CHANGED', 700_000)
    expect((await reader.read(700_000, 7)).toString()).toBe('CHANGED')
    expectBytes(await reader.read(700_007, 5000), content.subarray(700_007, 705_007))
    await writer.close()
    await fs.settle()
    expect((await reader.read(700_000, 7)).toString()).toBe('CHANGED')
    await reader.close()
  }),

  it('writers of different parts of one file do not disturb each other', async (fs) => {
    await fs.writeFile('f', '')
    const size = 50_000
    const handles = await Promise.all([0, 1, 2, 3].map(() => fs.open('f', 'r+')))
    await Promise.all(handles.map((handle, i) => handle.write(patterned(size, i + 1), i * size)))
    await Promise.all(handles.map((handle) => handle.close()))
    await expectContent(fs, 'f', Buffer.concat([1, 2, 3, 4].map((seed) => patterned(size, seed))))
  }),

  it('of many creating one name with O_EXCL exactly one succeeds', async (fs) => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => fs.open('lock', 'wx')))
    const opened = results.filter((result) => result.status === 'fulfilled')
    await Promise.all(opened.map((result) => result.value.close()))
    expect(opened).toHaveLength(1)
    const codes = results
      .filter((result) => result.status === 'rejected')
      .map((result) => errorCode(result.reason))
    expect(codes).toEqual(Array.from({ length: 7 }, () => 'EEXIST'))
  }),

  it('of many making one folder exactly one succeeds', async (fs) => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => fs.mkdir('d')))
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    expect(await fs.readdir('')).toEqual(['d'])
  }),

  it('of many renaming one file exactly one succeeds', async (fs) => {
    await fs.writeFile('f', 'x')
    const results = await Promise.allSettled(Array.from({ length: 6 }, (_, i) => fs.rename('f', `to-${i}`)))
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    const names = await fs.readdir('')
    expect(names).toHaveLength(1)
    await expectContent(fs, names[0]!, 'x')
  }),

  it('many files are made, read and removed at once', async (fs) => {
    const names = Array.from({ length: 40 }, (_, i) => `f${String(i).padStart(2, '0')}`)
    await Promise.all(names.map((name) => fs.writeFile(name, `content of ${name}`)))
    await Promise.all(names.map(async (name) => expect(await text(fs, name)).toBe(`content of ${name}`)))
    expect(await fs.readdir('')).toEqual(names)
    await fs.settle()
    if (fs.server) expect(await fs.server.names('')).toEqual(names)
    await Promise.all(names.map((name) => fs.unlink(name)))
    await fs.settle()
    expect(await fs.readdir('')).toEqual([])
    if (fs.server) expect(await fs.server.names('')).toEqual([])
  }),

  it('a folder that changes while it is listed shows what stays exactly once', async (fs) => {
    const stays = Array.from({ length: 60 }, (_, i) => `stays-${String(i).padStart(2, '0')}`)
    for (const name of stays) await fs.writeFile(name, '')
    const listings = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        await fs.writeFile(`comes-${i}`, '')
        const names = await fs.readdir('')
        await fs.unlink(`comes-${i}`)
        return names
      }),
    )
    for (const names of listings) expect(names.filter((name) => name.startsWith('stays'))).toEqual(stays)
  }),

  it('two files of the same tree are uploaded while a third is read', async (fs) => {
    await fs.writeFile('read', content)
    await fs.settle()
    const handle = await fs.open('read', 'r')
    await Promise.all([fs.writeFile('a', patterned(400_000, 1)), fs.writeFile('b', patterned(400_000, 2))])
    const settling = fs.settle()
    expectBytes(await handle.read(0, content.length), content)
    await settling
    await handle.close()
    await expectContent(fs, 'a', patterned(400_000, 1))
    await expectContent(fs, 'b', patterned(400_000, 2))
  }),
])
