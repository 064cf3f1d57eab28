import { constants } from 'node:fs'
import { expect } from 'vitest'
import { expectContent, itNeeds, refused, suite, text, type Case } from '../suite.ts'

function it(name: string, run: Case['run']): Case {
  return itNeeds(['symlinks'], name, run)
}

export const symlinks = suite('symbolic links', [
  it('hold their target to the byte, whether it exists or not [A12]', async (fs) => {
    const targets = [
      'f',
      '../up',
      '/etc/hostname',
      'no such thing',
      'ümläut: 文',
      'x'.repeat(1000),
      './a//b/',
    ]
    for (const [i, target] of targets.entries()) await fs.symlink(target, `link${i}`)
    for (const [i, target] of targets.entries()) expect(await fs.readlink(`link${i}`)).toBe(target)
    await fs.settle()
    for (const [i, target] of targets.entries()) expect(await fs.readlink(`link${i}`)).toBe(target)
    if (!fs.remount) return
    await fs.remount()
    for (const [i, target] of targets.entries()) expect(await fs.readlink(`link${i}`)).toBe(target)
  }),

  it('are links of their target length, mode 0777, and listed as such', async (fs) => {
    await fs.symlink('target', 'link')
    await fs.settle()
    expect(await fs.lstat('link')).toMatchObject({ kind: 'symlink', sizeBytes: 6, mode: 0o777 })
    expect((await fs.readdirTypes('')).get('link')).toBe('symlink')
  }),

  it('are followed to files and folders', async (fs) => {
    await fs.mkdir('d')
    await fs.writeFile('d/f', 'content')
    await fs.symlink('d', 'to-folder')
    await fs.symlink('d/f', 'to-file')
    await fs.symlink('to-file', 'twice')
    expect(await text(fs, 'twice')).toBe('content')
    expect(await text(fs, 'to-folder/f')).toBe('content')
    expect(await fs.readdir('to-folder')).toEqual(['f'])
    expect((await fs.stat('to-folder')).kind).toBe('folder')
    await fs.writeFile('to-file', 'through the link')
    await expectContent(fs, 'd/f', 'through the link')
    expect((await fs.lstat('to-file')).kind).toBe('symlink')
  }),

  it('that dangle are ENOENT when followed, and made real by writing through them', async (fs) => {
    await fs.symlink('later', 'link')
    await refused('ENOENT', fs.readFile('link'))
    await fs.writeFile('link', 'now it exists')
    await expectContent(fs, 'later', 'now it exists')
  }),

  it('in a circle are ELOOP', async (fs) => {
    await fs.symlink('b', 'a')
    await fs.symlink('a', 'b')
    await refused('ELOOP', fs.stat('a'))
    await refused('ELOOP', fs.open('a', 'r'))
    await refused('ELOOP', fs.stat('a/below'))
    expect((await fs.lstat('a')).kind).toBe('symlink')
  }),

  it('are not followed with O_NOFOLLOW', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.symlink('f', 'link')
    await refused('ELOOP', fs.open('link', constants.O_RDONLY | constants.O_NOFOLLOW))
  }),

  it('are removed and renamed themselves, not what they point at', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.symlink('f', 'link')
    await fs.settle()
    await fs.rename('link', 'moved')
    await fs.settle()
    expect(await fs.readlink('moved')).toBe('f')
    await fs.unlink('moved')
    await fs.settle()
    expect(await fs.readdir('')).toEqual(['f'])
    expect(await text(fs, 'f')).toBe('x')
  }),

  it('to folders are no folders for rmdir, and no files to overwrite by rename of a folder', async (fs) => {
    await fs.mkdir('d')
    await fs.symlink('d', 'link')
    await refused('ENOTDIR', fs.rmdir('link'))
    await fs.mkdir('e')
    await refused('ENOTDIR', fs.rename('e', 'link'))
    expect((await fs.lstat('link')).kind).toBe('symlink')
  }),

  it('replace a file and are replaced by one', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.symlink('f', 'link')
    await fs.writeFile('other', 'other')
    await fs.settle()
    await fs.rename('link', 'other')
    expect(await fs.readlink('other')).toBe('f')
    await fs.settle()
    expect(await fs.readlink('other')).toBe('f')
    await fs.writeFile('temp', 'a file again')
    await fs.rename('temp', 'other')
    expect((await fs.lstat('other')).kind).toBe('file')
    await expectContent(fs, 'other', 'a file again')
    expect(await fs.readdir('')).toEqual(['f', 'other'])
  }),

  it('an empty target is refused', async (fs) => {
    await refused('ENOENT', fs.symlink('', 'link'))
    expect(await fs.readdir('')).toEqual([])
  }),
])
