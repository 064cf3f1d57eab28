import { expect } from 'vitest'
import type { Engine } from '../engine.ts'
import { expectContent, itNeeds, refused, suite, type Case } from '../suite.ts'

function it(name: string, run: Case['run']): Case {
  return itNeeds(['xattrs'], name, run)
}

/** Names that programs gave: without the facts of the product. */
async function own(fs: Engine, path: string): Promise<readonly string[]> {
  const names = await fs.listxattr(path)
  return names.filter((name) => name.startsWith('user.') && !name.startsWith('user.cloudreve.'))
}

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i))

export const xattrs = suite('extended attributes', [
  it('hold any bytes, none and every one', async (fs) => {
    await fs.writeFile('f', 'x')
    const values = { plain: 'text', empty: '', newline: 'a\nb\0c', utf8: '文件 🎈' }
    for (const [name, value] of Object.entries(values)) {
      await fs.setxattr('f', `user.${name}`, Buffer.from(value))
    }
    await fs.setxattr('f', 'user.bytes', everyByte)
    for (const [name, value] of Object.entries(values)) {
      expect((await fs.getxattr('f', `user.${name}`)).toString()).toBe(value)
    }
    expect((await fs.getxattr('f', 'user.bytes')).equals(everyByte)).toBe(true)
    expect(await own(fs, 'f')).toEqual([
      'user.bytes',
      'user.empty',
      'user.newline',
      'user.plain',
      'user.utf8',
    ])
  }),

  it('stay over upload, rename and a new content', async (fs) => {
    await fs.writeFile('f', '1')
    await fs.setxattr('f', 'user.before', everyByte)
    await fs.settle()
    await fs.setxattr('f', 'user.after', Buffer.from('2'))
    await fs.settle()
    await fs.rename('f', 'g')
    await fs.writeFile('g', 'new content')
    await expectContent(fs, 'g', 'new content')
    expect((await fs.getxattr('g', 'user.before')).equals(everyByte)).toBe(true)
    expect((await fs.getxattr('g', 'user.after')).toString()).toBe('2')
  }),

  itNeeds(['xattrs', 'remount'], 'stay over a remount, on files and folders [A12]', async (fs) => {
    await fs.mkdir('d')
    await fs.writeFile('f', 'x')
    await fs.setxattr('f', 'user.of.file', everyByte)
    await fs.setxattr('d', 'user.of.folder', Buffer.from('folder'))
    await fs.settle()
    await fs.remount!()
    expect((await fs.getxattr('f', 'user.of.file')).equals(everyByte)).toBe(true)
    expect((await fs.getxattr('d', 'user.of.folder')).toString()).toBe('folder')
    expect(await own(fs, 'f')).toEqual(['user.of.file'])
  }),

  it('are replaced, and removed for good', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.setxattr('f', 'user.a', Buffer.from('1'))
    await fs.setxattr('f', 'user.a', Buffer.from('22'))
    expect((await fs.getxattr('f', 'user.a')).toString()).toBe('22')
    await fs.settle()
    await fs.removexattr('f', 'user.a')
    await refused('ENODATA', fs.getxattr('f', 'user.a'))
    expect(await own(fs, 'f')).toEqual([])
    await fs.settle()
    await refused('ENODATA', fs.getxattr('f', 'user.a'))
    if (!fs.remount) return
    await fs.remount()
    await refused('ENODATA', fs.getxattr('f', 'user.a'))
  }),

  it('that are missing are ENODATA to read and to remove', async (fs) => {
    await fs.writeFile('f', 'x')
    await refused('ENODATA', fs.getxattr('f', 'user.missing'))
    await refused('ENODATA', fs.removexattr('f', 'user.missing'))
    await refused('ENOENT', fs.getxattr('missing', 'user.a'))
  }),

  it('XATTR_CREATE refuses an existing one, XATTR_REPLACE a missing one', async (fs) => {
    await fs.writeFile('f', 'x')
    await refused('ENODATA', fs.setxattr('f', 'user.a', Buffer.from('1'), 'replace'))
    await fs.setxattr('f', 'user.a', Buffer.from('1'), 'create')
    await refused('EEXIST', fs.setxattr('f', 'user.a', Buffer.from('2'), 'create'))
    await fs.setxattr('f', 'user.a', Buffer.from('3'), 'replace')
    expect((await fs.getxattr('f', 'user.a')).toString()).toBe('3')
  }),

  it('names differ in case and may hold many characters', async (fs) => {
    await fs.writeFile('f', 'x')
    const names = [
      'user.Mixed',
      'user.mixed',
      'user.with space',
      'user.a:b',
      'user.ünï',
      'user.a.b.c',
      'user.x=y',
    ]
    for (const name of names) await fs.setxattr('f', name, Buffer.from(name))
    await fs.settle()
    for (const name of names) expect((await fs.getxattr('f', name)).toString()).toBe(name)
    expect(await own(fs, 'f')).toEqual([...names].sort())
  }),

  it('setting one changes neither mtime nor content', async (fs) => {
    await fs.writeFile('f', 'x')
    await fs.settle()
    const { mtimeNs } = await fs.stat('f')
    await fs.setxattr('f', 'user.a', Buffer.from('1'))
    await fs.settle()
    expect((await fs.stat('f')).mtimeNs).toBe(mtimeNs)
    await expectContent(fs, 'f', 'x')
  }),

  it('of the file itself go with it when it is replaced by another', async (fs) => {
    await fs.writeFile('target', 'old')
    await fs.setxattr('target', 'user.of', Buffer.from('target'))
    await fs.settle()
    await fs.writeFile('source', 'new')
    await fs.setxattr('source', 'user.of', Buffer.from('source'))
    await fs.rename('source', 'target')
    await expectContent(fs, 'target', 'new')
    expect((await fs.getxattr('target', 'user.of')).toString()).toBe('source')
  }),

  it('security.* and trusted.* are kept by a local disk, and refused with EOPNOTSUPP otherwise [A14]', async (fs) => {
    await fs.writeFile('f', 'x')
    const action = fs.setxattr('f', 'security.something', Buffer.from('1'))
    if (fs.semantics.securityXattrs) return action
    await refused('EOPNOTSUPP', action)
    expect(await own(fs, 'f')).toEqual([])
  }),

  it('system.* names that nobody knows are EOPNOTSUPP [A14]', async (fs) => {
    await fs.writeFile('f', 'x')
    await refused('EOPNOTSUPP', fs.setxattr('f', 'system.unknown', Buffer.from('1')))
  }),
])
