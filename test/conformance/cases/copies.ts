import { expect } from 'vitest'
import { expectContent, it, itNeeds, patterned, suite, withHandle } from '../suite.ts'

const big = patterned(900_000, 5)

export const copies = suite('copies', [
  it('hold what the original holds, at the server or not, and are files of their own', async (fs) => {
    await fs.mkdir('d')
    await fs.writeFile('f', big)
    await fs.copyFile('f', 'early copy')
    await fs.settle()
    await fs.copyFile('f', 'd/f')
    await fs.copyFile('f', 'd/copy')
    for (const path of ['early copy', 'd/f', 'd/copy']) await expectContent(fs, path, big)
    await fs.settle()
    await withHandle(fs.open('d/f', 'r+'), (handle) => handle.write('changed', 0))
    await fs.writeFile('f', 'other')
    await fs.settle()
    await expectContent(fs, 'f', 'other')
    await expectContent(fs, 'd/f', Buffer.concat([Buffer.from('changed'), big.subarray(7)]))
    for (const path of ['early copy', 'd/copy']) await expectContent(fs, path, big)
  }),

  it('hold it whatever becomes of the original right after', async (fs) => {
    for (const name of ['a', 'b', 'c']) await fs.writeFile(name, big)
    await fs.mkdir('d')
    await fs.settle()
    for (const name of ['a', 'b', 'c']) await fs.copyFile(name, `d/${name}`)
    await fs.unlink('a')
    await fs.writeFile('b', 'other')
    await fs.rename('c', 'moved')
    await fs.settle()
    for (const name of ['a', 'b', 'c']) await expectContent(fs, `d/${name}`, big)
    await expectContent(fs, 'b', 'other')
    await expectContent(fs, 'moved', big)
    expect(await fs.readdir('')).toEqual(['b', 'd', 'moved'])
  }),

  it('can be changed, cut, renamed and removed before they are at the server', async (fs) => {
    await fs.writeFile('f', big)
    await fs.settle()
    for (const name of ['changed', 'cut', 'renamed', 'removed']) await fs.copyFile('f', name)
    await withHandle(fs.open('changed', 'r+'), (handle) => handle.write('changed', 500_000))
    await fs.truncate('cut', 300_000)
    await fs.rename('renamed', 'new name')
    await fs.unlink('removed')
    await fs.settle()
    const changed = Buffer.from(big)
    changed.write('changed', 500_000)
    await expectContent(fs, 'changed', changed)
    await expectContent(fs, 'cut', big.subarray(0, 300_000))
    await expectContent(fs, 'new name', big)
    expect(await fs.readdir('')).toEqual(['changed', 'cut', 'f', 'new name'])
  }),

  it('over another file replace its content', async (fs) => {
    await fs.writeFile('f', big)
    await fs.writeFile('other', 'something else')
    await fs.settle()
    await fs.copyFile('f', 'other')
    await fs.settle()
    await expectContent(fs, 'other', big)
  }),

  itNeeds(['modes', 'times', 'xattrs', 'remount'], 'have no attributes of the original', async (fs) => {
    await fs.writeFile('f', big)
    await fs.chmod('f', 0o600)
    await fs.setxattr('f', 'user.colour', Buffer.from('red'))
    await fs.utimes('f', 1_000_000_000n, 1_000_000_000_123_456_789n)
    await fs.settle()
    await fs.copyFile('f', 'copy')
    await fs.settle()
    for (const look of ['before', 'after']) {
      const [original, copy] = [await fs.stat('f'), await fs.stat('copy')]
      expect([look, original.mode, copy.mode]).toEqual([look, 0o600, 0o644])
      expect(original.mtimeNs).toBe(1_000_000_000_123_456_789n)
      expect(copy.mtimeNs).toBeGreaterThan(1_500_000_000_000_000_000n)
      expect((await fs.listxattr('copy')).filter((name) => !name.startsWith('user.cloudreve.'))).toEqual([])
      if (look === 'before') await fs.remount!()
    }
  }),
])
