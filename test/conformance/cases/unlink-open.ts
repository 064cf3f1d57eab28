import { expect } from 'vitest'
import { expectContent, it, patterned, refused, suite, text } from '../suite.ts'

export const unlinkOpen = suite('files that are unlinked while open', [
  it('can be read and written to the end, and leave nothing behind [D11]', async (fs) => {
    const handle = await fs.open('f', 'w+')
    await handle.write('before', 0)
    await fs.unlink('f')
    await refused('ENOENT', fs.stat('f'))
    await handle.write(' after', 6)
    expect((await handle.read(0, 100)).toString()).toBe('before after')
    expect((await handle.stat()).sizeBytes).toBe(12)
    expect((await handle.stat()).nlink).toBe(0)
    await handle.close()
    await fs.settle()
    expect(await fs.readdir('')).toEqual([])
    if (fs.server) expect(await fs.server.names('')).toEqual([])
  }),

  it('an uploaded one is read to the end from its handle [D11]', async (fs) => {
    const content = patterned(600_000, 2)
    await fs.writeFile('f', content)
    await fs.settle()
    const handle = await fs.open('f', 'r')
    expect((await handle.read(0, 10)).equals(content.subarray(0, 10))).toBe(true)
    await fs.unlink('f')
    await fs.settle()
    expect((await handle.read(500_000, 100_000)).equals(content.subarray(500_000))).toBe(true)
    await handle.close()
    expect(await fs.readdir('')).toEqual([])
  }),

  it('a new file takes the name at once, both are apart', async (fs) => {
    const old = await fs.open('f', 'w+')
    await old.write('old', 0)
    await fs.unlink('f')
    await fs.writeFile('f', 'new')
    await old.write('OLD', 0)
    expect((await old.read(0, 10)).toString()).toBe('OLD')
    expect(await text(fs, 'f')).toBe('new')
    await old.close()
    await expectContent(fs, 'f', 'new')
  }),

  it('can be truncated and synced without a name', async (fs) => {
    const handle = await fs.open('f', 'w+')
    await handle.write('0123456789', 0)
    await fs.unlink('f')
    await handle.truncate(3)
    await handle.fsync()
    expect((await handle.read(0, 10)).toString()).toBe('012')
    await handle.close()
    expect(await fs.readdir('')).toEqual([])
  }),

  it('two handles share the nameless file', async (fs) => {
    await fs.writeFile('f', 'shared')
    const [a, b] = [await fs.open('f', 'r+'), await fs.open('f', 'r')]
    await fs.unlink('f')
    await a.write('SHA', 0)
    expect((await b.read(0, 10)).toString()).toBe('SHAred')
    await a.close()
    expect((await b.read(0, 10)).toString()).toBe('SHAred')
    await b.close()
    await fs.settle()
    expect(await fs.readdir('')).toEqual([])
  }),

  it('the target of a rename lives on for those who have it open', async (fs) => {
    await fs.writeFile('target', 'old target')
    await fs.settle()
    const handle = await fs.open('target', 'r')
    await fs.writeFile('source', 'new')
    await fs.rename('source', 'target')
    expect(await text(fs, 'target')).toBe('new')
    expect((await handle.read(0, 100)).toString()).toBe('old target')
    await handle.close()
    await expectContent(fs, 'target', 'new')
    expect(await fs.readdir('')).toEqual(['target'])
  }),

  it('its folder can be removed while the file is still open [V4]', async (fs) => {
    await fs.mkdir('d')
    const handle = await fs.open('d/f', 'w+')
    await handle.write('x', 0)
    await fs.unlink('d/f')
    await fs.rmdir('d')
    if (fs.semantics.unlinkedOutlivesFolder !== false) {
      expect((await handle.read(0, 10)).toString()).toBe('x')
    } else await refused('ENOENT', handle.read(0, 10))
    await handle.close()
    await fs.settle()
    expect(await fs.readdir('')).toEqual([])
  }),

  it('made and removed again and again, nothing is left', async (fs) => {
    for (let i = 0; i < 15; i += 1) {
      await fs.writeFile('temporary', `${i}`)
      await fs.unlink('temporary')
    }
    await fs.settle()
    expect(await fs.readdir('')).toEqual([])
    if (fs.server) expect(await fs.server.names('')).toEqual([])
  }),
])
