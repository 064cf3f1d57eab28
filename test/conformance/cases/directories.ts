import { expect } from 'vitest'
import { it, itNeeds, refused, suite } from '../suite.ts'

export const directories = suite('folders', [
  it('are made, listed and removed', async (fs) => {
    await fs.mkdir('a')
    await fs.mkdir('a/b')
    await fs.mkdir('a/b/c')
    expect(await fs.readdir('a')).toEqual(['b'])
    expect((await fs.stat('a/b/c')).kind).toBe('folder')
    await fs.rmdir('a/b/c')
    await fs.rmdir('a/b')
    await fs.rmdir('a')
    await fs.settle()
    expect(await fs.readdir('')).toEqual([])
    if (fs.server) expect(await fs.server.names('')).toEqual([])
  }),

  it('an empty one reaches the server', async (fs) => {
    await fs.mkdir('empty')
    await fs.settle()
    if (fs.server) expect(await fs.server.names('')).toEqual(['empty'])
    expect(await fs.readdir('empty')).toEqual([])
  }),

  it('files of a new tree are at the server in their place', async (fs) => {
    await fs.mkdir('a')
    await fs.mkdir('a/b')
    await fs.writeFile('a/b/f', 'deep')
    await fs.writeFile('a/g', 'less deep')
    await fs.settle()
    if (fs.server) {
      expect((await fs.server.bytes('a/b/f')).toString()).toBe('deep')
      expect(await fs.server.names('a')).toEqual(['b', 'g'])
    }
    expect(await fs.readdir('a')).toEqual(['b', 'g'])
  }),

  it('one with something in it cannot be removed', async (fs) => {
    await fs.mkdir('d')
    await fs.writeFile('d/f', 'x')
    await refused('ENOTEMPTY', fs.rmdir('d'))
    await fs.settle()
    await refused('ENOTEMPTY', fs.rmdir('d'))
    await fs.unlink('d/f')
    await fs.rmdir('d')
    await refused('ENOENT', fs.stat('d'))
  }),

  it('one that held files can be removed right after its last file', async (fs) => {
    await fs.mkdir('d')
    for (let i = 0; i < 8; i += 1) await fs.writeFile(`d/${i}`, `${i}`)
    await fs.settle()
    for (let i = 0; i < 8; i += 1) await fs.unlink(`d/${i}`)
    await fs.rmdir('d')
    await fs.settle()
    expect(await fs.readdir('')).toEqual([])
    if (fs.server) expect(await fs.server.names('')).toEqual([])
  }),

  it('a removed one can be made again, empty', async (fs) => {
    await fs.mkdir('d')
    await fs.writeFile('d/f', 'x')
    await fs.settle()
    await fs.unlink('d/f')
    await fs.rmdir('d')
    await fs.mkdir('d')
    expect(await fs.readdir('d')).toEqual([])
    await fs.settle()
    expect(await fs.readdir('d')).toEqual([])
    if (fs.server) expect(await fs.server.names('d')).toEqual([])
  }),

  it('a file takes the name of a removed folder and the other way round', async (fs) => {
    await fs.mkdir('x')
    await fs.settle()
    await fs.rmdir('x')
    await fs.writeFile('x', 'file now')
    await fs.settle()
    expect((await fs.stat('x')).kind).toBe('file')
    await fs.unlink('x')
    await fs.mkdir('x')
    await fs.settle()
    expect((await fs.stat('x')).kind).toBe('folder')
  }),

  it('a listing tells the kinds', async (fs) => {
    await fs.mkdir('d')
    await fs.writeFile('f', '')
    expect(await fs.readdirTypes('')).toEqual(
      new Map([
        ['d', 'folder'],
        ['f', 'file'],
      ]),
    )
  }),

  it('one with 300 files is listed whole and without repeats', async (fs) => {
    const names = Array.from({ length: 300 }, (_, i) => `file-${String(i).padStart(3, '0')}`)
    await fs.mkdir('many')
    await Promise.all(names.map((name) => fs.writeFile(`many/${name}`, name)))
    expect(await fs.readdir('many')).toEqual(names)
    await fs.settle()
    expect(await fs.readdir('many')).toEqual(names)
    if (fs.server) expect(await fs.server.names('many')).toEqual(names)
  }),

  it('has a link for itself and its entry at least, and a size', async (fs) => {
    await fs.mkdir('d')
    const stat = await fs.stat('d')
    expect(stat.nlink).toBeGreaterThanOrEqual(1)
    expect(stat.sizeBytes).toBeGreaterThanOrEqual(0)
    expect((await fs.stat('')).kind).toBe('folder')
  }),

  it('dots name the folder itself and its parent', async (fs) => {
    await fs.mkdir('a')
    await fs.mkdir('a/b')
    await fs.writeFile('a/f', 'x')
    expect((await fs.stat('a/.')).ino).toBe((await fs.stat('a')).ino)
    expect((await fs.stat('a/b/..')).ino).toBe((await fs.stat('a')).ino)
    expect((await fs.readFile('a/b/../f')).toString()).toBe('x')
  }),

  it('refuses what makes no sense', async (fs) => {
    await fs.mkdir('d')
    await refused('EEXIST', fs.mkdir('d'))
    await refused('EINVAL', fs.rmdir('d/.'))
    await refused('ENOTEMPTY', fs.rmdir('d/..'))
    await refused('EISDIR', fs.unlink('d'))
    await refused('ENOENT', fs.rmdir('missing'))
    await refused('ENOENT', fs.mkdir('missing/d'))
  }),

  it('a change in a folder makes its mtime newer or leaves it, never older', async (fs) => {
    await fs.mkdir('d')
    const before = await fs.stat('d')
    await fs.writeFile('d/f', 'x')
    expect((await fs.stat('d')).mtimeNs).toBeGreaterThanOrEqual(before.mtimeNs)
  }),

  itNeeds(['remount'], 'a tree is the same after a remount', async (fs) => {
    await fs.mkdir('a')
    await fs.mkdir('a/empty')
    await fs.mkdir('a/full')
    await fs.writeFile('a/full/f', '1')
    await fs.settle()
    await fs.remount!()
    expect(await fs.readdir('')).toEqual(['a'])
    expect(await fs.readdir('a')).toEqual(['empty', 'full'])
    expect(await fs.readdir('a/empty')).toEqual([])
    expect(await fs.readdir('a/full')).toEqual(['f'])
  }),
])
