import { constants } from 'node:fs'
import { expect } from 'vitest'
import {
  expectBytes,
  expectContent,
  it,
  itNeeds,
  patterned,
  refused,
  suite,
  text,
  withHandle,
} from '../suite.ts'

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY, O_TRUNC } = constants

export const createAndRead = suite('creating and reading files', [
  it('a new file holds what was written and is listed at once', async (fs) => {
    await fs.writeFile('a.txt', 'hello')
    expect(await fs.readdir('')).toEqual(['a.txt'])
    expect(await text(fs, 'a.txt')).toBe('hello')
    await expectContent(fs, 'a.txt', 'hello')
  }),

  it('an empty file is a file of 0 bytes, here and at the server', async (fs) => {
    await fs.writeFile('empty', '')
    expect(await fs.stat('empty')).toMatchObject({ kind: 'file', sizeBytes: 0, nlink: 1 })
    await expectContent(fs, 'empty', '')
  }),

  it('a file of 3 MiB and a few bytes comes back byte for byte', async (fs) => {
    const content = patterned(3 * 1024 * 1024 + 17)
    await fs.writeFile('big', content)
    expect((await fs.stat('big')).sizeBytes).toBe(content.length)
    await expectContent(fs, 'big', content)
  }),

  it('a file is seen under its name while it is still open for writing [S4]', async (fs) => {
    await withHandle(fs.open('open', 'w'), async (handle) => {
      await handle.write('partial', 0)
      expect((await fs.stat('open')).sizeBytes).toBe(7)
      expect(await text(fs, 'open')).toBe('partial')
    })
  }),

  it('a read past the end answers nothing, one across the end answers what is there', async (fs) => {
    await fs.writeFile('f', '0123456789')
    await withHandle(fs.open('f', 'r'), async (handle) => {
      expect((await handle.read(8, 100)).toString()).toBe('89')
      expect((await handle.read(10, 100)).length).toBe(0)
      expect((await handle.read(5000, 100)).length).toBe(0)
    })
  }),

  it('random reads of an uploaded file answer the bytes at their place', async (fs) => {
    const content = patterned(700_001)
    await fs.writeFile('big', content)
    await fs.settle()
    await withHandle(fs.open('big', 'r'), async (handle) => {
      for (const offset of [699_000, 3, 350_000, 131_071, 131_072, 0, 524_287]) {
        expectBytes(await handle.read(offset, 4097), content.subarray(offset, offset + 4097))
      }
    })
  }),

  it('O_CREAT opens an existing file and leaves its content alone', async (fs) => {
    await fs.writeFile('f', 'kept')
    await withHandle(fs.open('f', O_RDWR | O_CREAT), async (handle) => {
      expect((await handle.read(0, 10)).toString()).toBe('kept')
    })
    await expectContent(fs, 'f', 'kept')
  }),

  it('O_CREAT with O_EXCL refuses an existing file, folder and dangling symlink', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.mkdir('d')
    await refused('EEXIST', fs.open('f', O_WRONLY | O_CREAT | O_EXCL))
    await refused('EEXIST', fs.open('d', O_RDONLY | O_CREAT | O_EXCL))
    if (fs.can.symlinks === true) {
      await fs.symlink('nowhere', 'dangling')
      await refused('EEXIST', fs.open('dangling', O_WRONLY | O_CREAT | O_EXCL))
    }
    expect(await text(fs, 'f')).toBe('x')
  }),

  it('O_TRUNC empties a file that is opened for reading, too, as Linux does', async (fs) => {
    await fs.writeFile('f', 'old content')
    await fs.settle()
    await withHandle(fs.open('f', O_RDONLY | O_TRUNC), async (handle) => {
      expect((await handle.stat()).sizeBytes).toBe(0)
      expect((await handle.read(0, 10)).length).toBe(0)
    })
    await expectContent(fs, 'f', '')
  }),

  it('O_TRUNC empties a file on open, O_TRUNC with O_CREAT makes one that is missing', async (fs) => {
    await fs.writeFile('f', 'a long content')
    await fs.settle()
    const handle = await fs.open('f', O_WRONLY | O_TRUNC)
    expect((await fs.stat('f')).sizeBytes).toBe(0)
    await handle.close()
    await expectContent(fs, 'f', '')
    await (await fs.open('g', O_WRONLY | O_CREAT | O_TRUNC)).close()
    expect((await fs.stat('g')).sizeBytes).toBe(0)
  }),

  it('a file made with a read-only flag is empty and can be read', async (fs) => {
    await withHandle(fs.open('f', O_RDONLY | O_CREAT), async (handle) => {
      expect((await handle.read(0, 10)).length).toBe(0)
    })
    await expectContent(fs, 'f', '')
  }),

  itNeeds(['remount'], 'files are the same after a remount', async (fs) => {
    const content = patterned(300_000, 7)
    await fs.mkdir('d')
    await fs.writeFile('d/f', content)
    await fs.writeFile('empty', '')
    await fs.settle()
    await fs.remount!()
    expect(await fs.readdir('')).toEqual(['d', 'empty'])
    expectBytes(await fs.readFile('d/f'), content)
    expect((await fs.readFile('empty')).length).toBe(0)
  }),

  it('a file keeps its number, a new file of the same name gets another', async (fs) => {
    await fs.writeFile('f', '1')
    await fs.writeFile('other', '2')
    const before = await fs.stat('f')
    await fs.settle()
    expect((await fs.stat('f')).ino).toBe(before.ino)
    expect((await fs.stat('other')).ino).not.toBe(before.ino)
    const handle = await fs.open('f', 'r')
    await fs.unlink('f')
    await fs.writeFile('f', '3')
    expect((await fs.stat('f')).ino).not.toBe(before.ino)
    await handle.close()
  }),
])
