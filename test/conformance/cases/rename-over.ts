import { expect } from 'vitest'
import type { Engine } from '../engine.ts'
import { expectContent, it, refused, suite, type Case } from '../suite.ts'

type Kind = 'file' | 'empty folder' | 'full folder' | 'missing'

async function make(fs: Engine, path: string, kind: Kind): Promise<void> {
  if (kind === 'missing') return
  if (kind === 'file') return fs.writeFile(path, `file ${path}`)
  await fs.mkdir(path)
  if (kind === 'full folder') await fs.writeFile(`${path}/inside`, `inside ${path}`)
}

/** rename(2) of every kind over every kind; undefined = it succeeds. */
const table: readonly (readonly [source: Kind, target: Kind, error: string | undefined])[] = [
  ['file', 'missing', undefined],
  ['file', 'file', undefined],
  ['file', 'empty folder', 'EISDIR'],
  ['file', 'full folder', 'EISDIR'],
  ['empty folder', 'missing', undefined],
  ['empty folder', 'file', 'ENOTDIR'],
  ['empty folder', 'empty folder', undefined],
  ['empty folder', 'full folder', 'ENOTEMPTY'],
  ['full folder', 'missing', undefined],
  ['full folder', 'file', 'ENOTDIR'],
  ['full folder', 'empty folder', undefined],
  ['full folder', 'full folder', 'ENOTEMPTY'],
  ['missing', 'missing', 'ENOENT'],
  ['missing', 'file', 'ENOENT'],
  ['missing', 'empty folder', 'ENOENT'],
]

/** When the two are uploaded: coalescing makes three different stories of one rename. */
const moments = ['both new', 'target uploaded', 'both uploaded'] as const

function combination(
  source: Kind,
  target: Kind,
  error: string | undefined,
  moment: (typeof moments)[number],
): Case {
  return it(`${source} over ${target}, ${moment}: ${error ?? 'succeeds'}`, async (fs) => {
    await fs.mkdir('a')
    await fs.mkdir('b')
    await make(fs, 'b/target', target)
    if (moment === 'target uploaded') await fs.settle()
    await make(fs, 'a/source', source)
    if (moment === 'both uploaded') await fs.settle()
    const before = source === 'missing' ? undefined : await fs.lstat('a/source')
    if (error !== undefined) {
      await refused(error, fs.rename('a/source', 'b/target'))
      await expectKind(fs, 'a/source', source, 'a/source')
      await expectKind(fs, 'b/target', target, 'b/target')
      return
    }
    await fs.rename('a/source', 'b/target')
    await refused('ENOENT', fs.lstat('a/source'))
    await expectKind(fs, 'b/target', source, 'a/source')
    expect((await fs.lstat('b/target')).ino).toBe(before?.ino)
    await fs.settle()
    await expectKind(fs, 'b/target', source, 'a/source')
    expect(await fs.readdir('a')).toEqual([])
    expect(await fs.readdir('b')).toEqual(['target'])
    if (fs.server) {
      expect(await fs.server.names('a')).toEqual([])
      expect(await fs.server.names('b')).toEqual(['target'])
    }
  })
}

/** `path` holds what `make` put at `madeAt`. */
async function expectKind(fs: Engine, path: string, kind: Kind, madeAt: string): Promise<void> {
  if (kind === 'missing') return refused('ENOENT', fs.lstat(path))
  if (kind === 'file') return expectContent(fs, path, `file ${madeAt}`)
  expect((await fs.lstat(path)).kind).toBe('folder')
  expect(await fs.readdir(path)).toEqual(kind === 'full folder' ? ['inside'] : [])
  if (kind === 'full folder') await expectContent(fs, `${path}/inside`, `inside ${madeAt}`)
}

export const renameOver = suite('rename over', [
  ...moments.flatMap((moment) =>
    table.map(([source, target, error]) => combination(source, target, error, moment)),
  ),

  it('a source that is still being written replaces the target and goes on', async (fs) => {
    await fs.writeFile('target', 'old')
    await fs.settle()
    const handle = await fs.open('temp', 'w')
    await handle.write('new', 0)
    await fs.rename('temp', 'target')
    await handle.write(' more', 3)
    await handle.close()
    await expectContent(fs, 'target', 'new more')
    expect(await fs.readdir('')).toEqual(['target'])
  }),

  it('a target with unsaved bytes of its own loses them to the source', async (fs) => {
    await fs.writeFile('target', 'old')
    await fs.settle()
    await fs.writeFile('target', 'unsaved')
    await fs.writeFile('source', 'wins')
    await fs.rename('source', 'target')
    await expectContent(fs, 'target', 'wins')
    if (fs.server) expect(await fs.server.names('')).toEqual(['target'])
  }),

  it('again and again over the same name', async (fs) => {
    await fs.writeFile('target', '0')
    for (let i = 1; i <= 5; i += 1) {
      await fs.writeFile('temp', `${i}`)
      await fs.rename('temp', 'target')
      if (i % 2 === 0) await fs.settle()
    }
    await expectContent(fs, 'target', '5')
    expect(await fs.readdir('')).toEqual(['target'])
  }),
])
