import { expect } from 'vitest'
import type { Engine, RequestMark } from '../engine.ts'
import { expectContent, it, itNeeds, suite, withHandle } from '../suite.ts'

/** vim with backups: the file goes away, a new one is written in its place, the backup is removed. */
async function saveAsVim(fs: Engine, path: string, content: string): Promise<void> {
  await fs.rename(path, `${path}~`)
  await withHandle(fs.open(path, 'wx'), async (handle) => {
    await handle.write(content, 0)
    await handle.fsync()
  })
  if (fs.can.modes === true) await fs.chmod(path, 0o644)
  await fs.unlink(`${path}~`)
}

/** LibreOffice, rsync and most others: a temporary file beside it, then renamed over. */
async function saveAsOffice(fs: Engine, path: string, content: string): Promise<void> {
  await withHandle(fs.open('lu123.tmp', 'wx'), (handle) => handle.write(content, 0))
  await fs.rename('lu123.tmp', path)
}

/** An editor that opens the file itself: kate, nano, echo >. */
async function saveInPlace(fs: Engine, path: string, content: string): Promise<void> {
  await fs.writeFile(path, content)
}

/** MS Office and others: temporary file, the original renamed away, the temporary one to its name, the backup removed. */
async function saveAsSwap(fs: Engine, path: string, content: string): Promise<void> {
  await fs.writeFile('temp.tmp', content)
  await fs.rename(path, 'backup.tmp')
  await fs.rename('temp.tmp', path)
  await fs.unlink('backup.tmp')
}

const ways = [
  ['vim (rename away, create, unlink)', saveAsVim],
  ['LibreOffice (temporary file, rename over)', saveAsOffice],
  ['in place', saveInPlace],
  ['Office (swap through a backup)', saveAsSwap],
] as const

/** Asks by POST, changes nothing. */
const askingPosts = new Set(['POST /file/url', 'POST /session/token/refresh'])

/** What changes something at the server. */
function writes(mark: RequestMark): number {
  return Object.entries(mark.counts())
    .filter(([route]) => !route.startsWith('GET ') && !askingPosts.has(route))
    .reduce((sum, [, count]) => sum + count, 0)
}

export const editors = suite('saving as editors do', [
  ...ways.map(([name, save]) =>
    it(`${name}: the new content, the same file, nothing left behind [S1]`, async (fs) => {
      await fs.writeFile('document.odt', 'first')
      await fs.settle()
      const id = await fs.server?.fileId('document.odt')
      const versions = await fs.server?.versionCount('document.odt')
      await save(fs, 'document.odt', 'second')
      expect(await fs.readdir('')).toEqual(['document.odt'])
      await expectContent(fs, 'document.odt', 'second')
      expect(await fs.server?.fileId('document.odt')).toBe(id)
      if (fs.server) {
        expect(await fs.server.names('')).toEqual(['document.odt'])
        expect(await fs.server.versionCount('document.odt')).toBe(versions! + 1)
      }
    }),
  ),

  ...ways.map(([name, save]) =>
    itNeeds(['requests'], `${name}: one request that writes`, async (fs) => {
      await fs.writeFile('document.odt', 'first')
      await fs.settle()
      await fs.readFile('document.odt')
      const mark = fs.server!.mark()
      await save(fs, 'document.odt', 'second')
      await fs.settle()
      expect({ writes: writes(mark), counts: mark.counts() }).toMatchObject({ writes: 1 })
    }),
  ),

  ...ways.map(([name, save]) =>
    it(`${name}: ten saves without a pause end in the last content`, async (fs) => {
      await fs.writeFile('document.odt', 'first')
      await fs.settle()
      const id = await fs.server?.fileId('document.odt')
      for (let i = 0; i < 10; i += 1) await save(fs, 'document.odt', `save ${i}`)
      await expectContent(fs, 'document.odt', 'save 9')
      expect(await fs.server?.fileId('document.odt')).toBe(id)
      expect(await fs.readdir('')).toEqual(['document.odt'])
    }),
  ),

  it('a backup that is kept holds the old content beside the new one', async (fs) => {
    await fs.writeFile('f', 'old')
    await fs.settle()
    await fs.rename('f', 'f~')
    await fs.writeFile('f', 'new')
    await expectContent(fs, 'f', 'new')
    await expectContent(fs, 'f~', 'old')
    expect(await fs.readdir('')).toEqual(['f', 'f~'])
    if (fs.server) expect(await fs.server.names('')).toEqual(['f', 'f~'])
  }),

  it('lock and swap files come and go without a trace', async (fs) => {
    await fs.writeFile('f.odt', 'x')
    await fs.settle()
    await fs.writeFile('.~lock.f.odt#', 'me')
    await fs.writeFile('.f.odt.swp', 'swap')
    await fs.unlink('.~lock.f.odt#')
    await fs.unlink('.f.odt.swp')
    await fs.settle()
    if (fs.server) expect(await fs.server.names('')).toEqual(['f.odt'])
  }),

  itNeeds(
    ['requests'],
    'a file that is made and removed before its upload costs nothing [S3]',
    async (fs) => {
      await fs.readdir('')
      const mark = fs.server!.mark()
      await fs.writeFile('temporary', 'x')
      await fs.unlink('temporary')
      await fs.settle()
      expect(mark.counts()).toEqual({})
    },
  ),

  itNeeds(['requests'], 'a new small file costs one request that writes, a changed one too', async (fs) => {
    await fs.readdir('')
    const mark = fs.server!.mark()
    await fs.writeFile('new', 'x'.repeat(10_000))
    await fs.settle()
    expect({ writes: writes(mark), counts: mark.counts() }).toMatchObject({ writes: 1 })
    const second = fs.server!.mark()
    await fs.writeFile('new', 'y'.repeat(10_000))
    await fs.settle()
    expect({ total: second.total(), counts: second.counts() }).toMatchObject({ total: 1 })
  }),
])
