import { constants } from 'node:fs'
import { expect } from 'vitest'
import { it, refused, suite, text } from '../suite.ts'

const { O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, O_WRONLY } = constants

export const errors = suite('errors', [
  it('what is missing is ENOENT, also in the middle of a path', async (fs) => {
    await refused('ENOENT', fs.open('missing', 'r'))
    await refused('ENOENT', fs.open('missing', 'r+'))
    await refused('ENOENT', fs.stat('missing'))
    await refused('ENOENT', fs.unlink('missing'))
    await refused('ENOENT', fs.readdir('missing'))
    await refused('ENOENT', fs.truncate('missing', 0))
    await refused('ENOENT', fs.chmod('missing', 0o644))
    await refused('ENOENT', fs.utimes('missing', 'now', 'now'))
    await refused('ENOENT', fs.readlink('missing'))
    await refused('ENOENT', fs.rename('missing', 'other'))
    await refused('ENOENT', fs.stat('missing/below'))
    await refused('ENOENT', fs.open('missing/below', 'w'))
  }),

  it('a file in the middle of a path is ENOTDIR', async (fs) => {
    await fs.writeFile('f', 'x')
    await refused('ENOTDIR', fs.stat('f/below'))
    await refused('ENOTDIR', fs.open('f/below', 'w'))
    await refused('ENOTDIR', fs.mkdir('f/below'))
    await refused('ENOTDIR', fs.readdir('f'))
    await refused('ENOTDIR', fs.rmdir('f'))
    await refused('ENOTDIR', fs.unlink('f/below'))
    await refused('ENOTDIR', fs.rename('f/below', 'other'))
    await refused('ENOTDIR', fs.open('f', O_RDONLY | O_DIRECTORY))
  }),

  it('a folder is not a file: EISDIR', async (fs) => {
    await fs.mkdir('d')
    await refused('EISDIR', fs.open('d', O_WRONLY))
    await refused('EISDIR', fs.open('d', O_RDWR))
    await refused('EISDIR', fs.open('d', O_RDONLY | O_CREAT))
    await refused('EISDIR', fs.readFile('d'))
    await refused('EISDIR', fs.unlink('d'))
    await refused('EISDIR', fs.truncate('d', 0))
  }),

  it('a taken name is EEXIST for what would make it', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.mkdir('d')
    await refused('EEXIST', fs.mkdir('f'))
    await refused('EEXIST', fs.mkdir('d'))
    await refused('EEXIST', fs.open('f', 'wx'))
    if (fs.can.symlinks === true) {
      await refused('EEXIST', fs.symlink('anything', 'f'))
      await refused('EEXIST', fs.symlink('anything', 'd'))
    }
    expect(await text(fs, 'f')).toBe('x')
  }),

  it('something that is no symlink cannot be read as one', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.mkdir('d')
    await refused('EINVAL', fs.readlink('f'))
    await refused('EINVAL', fs.readlink('d'))
  }),

  it('a negative size is EINVAL', async (fs) => {
    await fs.writeFile('f', 'x')
    await refused('EINVAL', fs.truncate('f', -1))
    expect(await text(fs, 'f')).toBe('x')
  }),

  it('hard links are made where the disk has them, else EPERM and nothing changes [A15]', async (fs) => {
    await fs.writeFile('f', 'x')
    if (fs.semantics.hardLinks) {
      await fs.link('f', 'g')
      expect((await fs.stat('f')).nlink).toBe(2)
      return
    }
    await refused('EPERM', fs.link('f', 'g'))
    expect(await fs.readdir('')).toEqual(['f'])
    expect((await fs.stat('f')).nlink).toBe(1)
  }),

  it('pipes are made where the disk has them, else EPERM and nothing changes [A15]', async (fs) => {
    if (fs.semantics.specialFiles) {
      await fs.mkfifo('pipe')
      expect((await fs.stat('pipe')).kind).toBe('other')
      return
    }
    await refused('EPERM', fs.mkfifo('pipe'))
    expect(await fs.readdir('')).toEqual([])
  }),

  it('a failed call leaves the next one unharmed', async (fs) => {
    await refused('ENOENT', fs.open('f', 'r'))
    await fs.writeFile('f', '1')
    expect(await text(fs, 'f')).toBe('1')
    await fs.unlink('f')
    await refused('ENOENT', fs.open('f', 'r'))
    await fs.writeFile('f', '2')
    expect(await text(fs, 'f')).toBe('2')
  }),
])
