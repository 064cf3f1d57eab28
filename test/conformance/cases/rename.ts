import { expect } from 'vitest'
import { expectContent, it, itNeeds, patterned, refused, suite, text, withHandle } from '../suite.ts'

export const rename = suite('rename', [
  it('a file in its folder', async (fs) => {
    await fs.writeFile('a', 'content')
    await fs.rename('a', 'b')
    expect(await fs.readdir('')).toEqual(['b'])
    await refused('ENOENT', fs.stat('a'))
    await expectContent(fs, 'b', 'content')
  }),

  it('an uploaded file keeps its number, id and content', async (fs) => {
    await fs.writeFile('a', 'content')
    await fs.settle()
    const [ino, id] = [(await fs.stat('a')).ino, await fs.server?.fileId('a')]
    await fs.rename('a', 'b')
    await expectContent(fs, 'b', 'content')
    expect((await fs.stat('b')).ino).toBe(ino)
    expect(await fs.server?.fileId('b')).toBe(id)
    if (fs.server) expect(await fs.server.names('')).toEqual(['b'])
  }),

  it('a file into another folder, under another name', async (fs) => {
    await fs.mkdir('from')
    await fs.mkdir('to')
    await fs.writeFile('from/a', 'content')
    await fs.settle()
    const id = await fs.server?.fileId('from/a')
    await fs.rename('from/a', 'to/b')
    expect(await fs.readdir('from')).toEqual([])
    expect(await fs.readdir('to')).toEqual(['b'])
    await expectContent(fs, 'to/b', 'content')
    expect(await fs.server?.fileId('to/b')).toBe(id)
    if (fs.server) expect(await fs.server.names('from')).toEqual([])
  }),

  it('a file into another folder under its own name', async (fs) => {
    await fs.mkdir('to')
    await fs.writeFile('a', 'content')
    await fs.settle()
    await fs.rename('a', 'to/a')
    await expectContent(fs, 'to/a', 'content')
    expect(await fs.readdir('')).toEqual(['to'])
  }),

  it('a folder with everything in it', async (fs) => {
    await fs.mkdir('d')
    await fs.mkdir('d/sub')
    await fs.writeFile('d/f', '1')
    await fs.writeFile('d/sub/g', '2')
    await fs.settle()
    await fs.rename('d', 'e')
    expect(await text(fs, 'e/f')).toBe('1')
    await refused('ENOENT', fs.stat('d/f'))
    await expectContent(fs, 'e/sub/g', '2')
    expect(await fs.readdir('e')).toEqual(['f', 'sub'])
    if (fs.server) expect(await fs.server.names('')).toEqual(['e'])
  }),

  it('a folder whose files were not uploaded yet', async (fs) => {
    await fs.mkdir('d')
    await fs.writeFile('d/f', 'fresh')
    await fs.rename('d', 'e')
    await fs.writeFile('e/g', 'later')
    await expectContent(fs, 'e/f', 'fresh')
    await expectContent(fs, 'e/g', 'later')
    if (fs.server) expect(await fs.server.names('')).toEqual(['e'])
  }),

  it('a folder into another folder', async (fs) => {
    await fs.mkdir('a')
    await fs.mkdir('b')
    await fs.writeFile('a/f', 'x')
    await fs.settle()
    await fs.rename('a', 'b/a')
    await expectContent(fs, 'b/a/f', 'x')
    expect(await fs.readdir('')).toEqual(['b'])
  }),

  it('a handle follows its file', async (fs) => {
    const handle = await fs.open('a', 'w+')
    await handle.write('one ', 0)
    await fs.rename('a', 'b')
    await handle.write('two', 4)
    expect((await handle.read(0, 20)).toString()).toBe('one two')
    await handle.close()
    await expectContent(fs, 'b', 'one two')
    expect(await fs.readdir('')).toEqual(['b'])
  }),

  it('a handle follows its file through a renamed folder', async (fs) => {
    await fs.mkdir('d')
    await fs.writeFile('d/f', 'start')
    await fs.settle()
    const handle = await fs.open('d/f', 'r+')
    await fs.rename('d', 'e')
    await handle.write('START', 0)
    await handle.close()
    await expectContent(fs, 'e/f', 'START')
  }),

  it('a chain of renames ends at the last name', async (fs) => {
    await fs.writeFile('0', 'travels')
    for (let i = 0; i < 5; i += 1) await fs.rename(`${i}`, `${i + 1}`)
    await expectContent(fs, '5', 'travels')
    if (fs.server) expect(await fs.server.names('')).toEqual(['5'])
    for (let i = 5; i > 0; i -= 1) await fs.rename(`${i}`, `${i - 1}`)
    await expectContent(fs, '0', 'travels')
    if (fs.server) expect(await fs.server.names('')).toEqual(['0'])
  }),

  it('two files swap names through a third', async (fs) => {
    await fs.writeFile('a', 'A')
    await fs.writeFile('b', 'B')
    await fs.settle()
    await fs.rename('a', 'c')
    await fs.rename('b', 'a')
    await fs.rename('c', 'b')
    await expectContent(fs, 'a', 'B')
    await expectContent(fs, 'b', 'A')
    expect(await fs.readdir('')).toEqual(['a', 'b'])
    if (fs.server) expect(await fs.server.names('')).toEqual(['a', 'b'])
  }),

  it('during its upload, a file arrives under the new name', async (fs) => {
    const content = patterned(2_000_000, 6)
    await fs.writeFile('a', content)
    const settling = fs.settle()
    await fs.rename('a', 'b')
    await settling
    await expectContent(fs, 'b', content)
    await refused('ENOENT', fs.stat('a'))
    if (fs.server) expect(await fs.server.names('')).toEqual(['b'])
  }),

  it('to itself does nothing', async (fs) => {
    await fs.writeFile('a', 'x')
    await fs.mkdir('d')
    await fs.rename('a', 'a')
    await fs.rename('d', 'd')
    await expectContent(fs, 'a', 'x')
    expect(await fs.readdir('')).toEqual(['a', 'd'])
  }),

  it('a folder into itself or below itself is refused', async (fs) => {
    await fs.mkdir('d')
    await fs.mkdir('d/sub')
    await refused('EINVAL', fs.rename('d', 'd/inside'))
    await refused('EINVAL', fs.rename('d', 'd/sub/inside'))
    expect(await fs.readdir('d')).toEqual(['sub'])
  }),

  it('a folder onto its own parent is refused', async (fs) => {
    await fs.mkdir('d')
    await fs.mkdir('d/sub')
    await refused('ENOTEMPTY', fs.rename('d/sub', 'd'))
    expect(await fs.readdir('d')).toEqual(['sub'])
  }),

  it('what is missing, or into what is missing, is refused', async (fs) => {
    await fs.writeFile('a', 'x')
    await refused('ENOENT', fs.rename('missing', 'b'))
    await refused('ENOENT', fs.rename('a', 'missing/b'))
    await refused('ENOTDIR', fs.rename('a', 'a/b'))
    await expectContent(fs, 'a', 'x')
  }),

  it('the old name is free at once', async (fs) => {
    await fs.writeFile('a', 'first')
    await fs.settle()
    await fs.rename('a', 'b')
    await fs.writeFile('a', 'second')
    await expectContent(fs, 'a', 'second')
    await expectContent(fs, 'b', 'first')
  }),

  itNeeds(['renameNoReplace'], 'RENAME_NOREPLACE refuses a taken name and takes a free one', async (fs) => {
    await fs.writeFile('a', 'A')
    await fs.writeFile('b', 'B')
    await refused('EEXIST', fs.rename('a', 'b', 'noReplace'))
    await fs.rename('a', 'c', 'noReplace')
    await expectContent(fs, 'b', 'B')
    await expectContent(fs, 'c', 'A')
  }),

  itNeeds(
    ['renameExchange'],
    'RENAME_EXCHANGE swaps two files, two folders, a file and a folder',
    async (fs) => {
      await fs.writeFile('a', 'A')
      await fs.writeFile('b', 'B')
      await fs.mkdir('d')
      await fs.writeFile('d/in', 'D')
      await fs.settle()
      await fs.rename('a', 'b', 'exchange')
      await expectContent(fs, 'a', 'B')
      await expectContent(fs, 'b', 'A')
      await fs.rename('a', 'd', 'exchange')
      await expectContent(fs, 'd', 'B')
      await expectContent(fs, 'a/in', 'D')
      await refused('ENOENT', fs.rename('a', 'missing', 'exchange'))
      expect(await fs.readdir('')).toEqual(['a', 'b', 'd'])
    },
  ),

  itNeeds(['remount'], 'is remembered by the server', async (fs) => {
    await fs.mkdir('d')
    await fs.writeFile('d/a', 'x')
    await fs.settle()
    await fs.rename('d/a', 'b')
    await fs.rename('d', 'e')
    await fs.settle()
    await fs.remount!()
    expect(await fs.readdir('')).toEqual(['b', 'e'])
    expect(await fs.readdir('e')).toEqual([])
    expect(await text(fs, 'b')).toBe('x')
    await withHandle(fs.open('b', 'r+'), (handle) => handle.write('y', 1))
    await expectContent(fs, 'b', 'xy')
  }),
])
