import { expect } from 'vitest'
import type { Engine } from '../engine.ts'
import { expectContent, it, itNeeds, refused, suite, text } from '../suite.ts'

/** Characters that Cloudreve refuses in names (api/01 §7); `/` cannot be in one anyway. */
const forbiddenAtServer = /[\\:*?"<>|]/

/** Each name is made, listed exactly as it was given, uploaded, and found again. */
async function survives(fs: Engine, names: readonly string[]): Promise<void> {
  const expected = [...names].sort()
  for (const name of names) await fs.writeFile(name, `of ${name}`)
  expect(await fs.readdir('')).toEqual(expected)
  await fs.settle()
  for (const name of names) await expectContent(fs, name, `of ${name}`)
  expect(await fs.readdir('')).toEqual(expected)
  if (fs.server) {
    const stored = await fs.server.names('')
    expect(stored).toHaveLength(names.length)
    expect(stored.filter((name) => forbiddenAtServer.test(name))).toEqual([])
  }
  if (!fs.remount) return
  await fs.remount()
  expect(await fs.readdir('')).toEqual(expected)
  for (const name of names) expect(await text(fs, name)).toBe(`of ${name}`)
}

/** Look-alikes of the forbidden characters which a map may use: full-width and small forms, and the quote of the escape. */
const lookAlikes = ['＼', '：', '＊', '？', '＂', '＜', '＞', '｜', '‛', '∗', '﹨', '﹕']

async function longest(fs: Engine, kind: 'file' | 'folder', unit: string): Promise<string> {
  const limit = kind === 'file' ? fs.semantics.maxFileNameBytes : fs.semantics.maxFolderNameBytes
  return unit.repeat(Math.floor(limit / Buffer.byteLength(unit)))
}

export const names = suite('names', [
  it('with characters that the server forbids [N3]', (fs) =>
    survives(fs, ['a:b', 'a\\b', 'a*b', 'a?b', 'a"b', 'a<b', 'a>b', 'a|b', ':', '2026-01-01T10:00:00.log'])),

  it('with look-alikes of those characters stay apart from them [N3]', (fs) =>
    survives(fs, [...lookAlikes.map((c) => `x${c}y`), 'x:y', 'x\\y', 'x?y', 'x‛：y', '‛', '‛‛'])),

  it('of folders with such characters hold files', async (fs) => {
    await fs.mkdir('what: why?')
    await fs.writeFile('what: why?/a*b', 'x')
    await expectContent(fs, 'what: why?/a*b', 'x')
    expect(await fs.readdir('what: why?')).toEqual(['a*b'])
    await fs.rename('what: why?', '"done"')
    await expectContent(fs, '"done"/a*b', 'x')
  }),

  it('are compared byte by byte: composed and decomposed accents, case', (fs) =>
    survives(fs, ['caf\u00e9', 'cafe\u0301', 'ÅNGSTRÖM', 'ångström', 'A', 'a', 'straße', 'STRASSE'])),

  it('of many scripts, with emoji and joiners [N1]', (fs) =>
    survives(fs, [
      '文件',
      'файл',
      'ملف',
      'ไฟล์',
      '👩‍👩‍👧‍👦 family.png',
      '🏳️‍🌈',
      '\u200bzero width',
      '\u202eright to left',
    ])),

  it('with dots and spaces at both ends', (fs) =>
    survives(fs, ['trailing.', 'trailing ', ' leading', '.hidden', '...', ' ', 'a..b', '. ', ' .'])),

  it('with control characters and a newline', (fs) =>
    survives(fs, ['line\nbreak', 'tab\there', 'bell\u0007', 'escape\u001b[31m', 'delete\u007f', '\r'])),

  it('with what means something in a URL or a shell', (fs) =>
    survives(fs, [
      '100%',
      '%2F',
      '%41',
      'a#b',
      'a&b=c',
      'a+b',
      'a b',
      "it's",
      '~',
      '$HOME',
      '`x`',
      '-rf',
      'a;b',
      '{[()]}',
    ])),

  it('that Windows reserves', (fs) => survives(fs, ['CON', 'nul', 'aux.txt', 'desktop.ini', 'LPT1'])),

  it('as long as the limit, of one, two, three and four bytes a character [N2]', async (fs) => {
    const files = await Promise.all(['n', 'é', '文', '🎈'].map((unit) => longest(fs, 'file', unit)))
    await survives(fs, files)
  }),

  it('of folders as long as the limit', async (fs) => {
    const name = await longest(fs, 'folder', 'd')
    await fs.mkdir(name)
    await fs.writeFile(`${name}/f`, 'x')
    await expectContent(fs, `${name}/f`, 'x')
  }),

  it('over the limit are refused at once, by create, mkdir, rename and symlink [N2]', async (fs) => {
    const tooLong = `${await longest(fs, 'file', 'n')}n`
    const folderTooLong = `${await longest(fs, 'folder', 'd')}d`
    await fs.writeFile('f', 'x')
    await refused('ENAMETOOLONG', fs.open(tooLong, 'w'))
    await refused('ENAMETOOLONG', fs.rename('f', tooLong))
    await refused('ENAMETOOLONG', fs.mkdir(folderTooLong))
    if (fs.can.symlinks === true) await refused('ENAMETOOLONG', fs.symlink('x', folderTooLong))
    expect(await fs.readdir('')).toEqual(['f'])
    await expectContent(fs, 'f', 'x')
  }),

  it('count after mapping: a name of forbidden characters has fewer of them, and is never refused later', async (fs) => {
    const name = ':'.repeat(Math.floor(fs.semantics.maxFileNameBytes / 3))
    await fs.writeFile(name, 'x')
    await expectContent(fs, name, 'x')
    const many = ':'.repeat(fs.semantics.maxFileNameBytes)
    if (fs.can.facts === true) await refused('ENAMETOOLONG', fs.writeFile(many, 'x'))
    else await fs.writeFile(many, 'x')
  }),

  it('over 255 bytes are refused when they are looked up', async (fs) => {
    await refused('ENAMETOOLONG', fs.stat('n'.repeat(256)))
    await refused('ENAMETOOLONG', fs.unlink('n'.repeat(300)))
  }),

  itNeeds(['rawNames'], 'that are not UTF-8 are kept, or refused with EILSEQ [N1]', async (fs) => {
    const action = fs.createRaw!(Buffer.from([0x66, 0xff, 0xfe]))
    if (!fs.semantics.anyBytesInNames) {
      await refused('EILSEQ', action)
      expect(await fs.readdir('')).toEqual([])
      return
    }
    await action
    expect(await fs.readdir('')).toHaveLength(1)
  }),

  it('survive a rename from mapped to plain and back', async (fs) => {
    await fs.writeFile('a:b', 'x')
    await fs.settle()
    await fs.rename('a:b', 'plain')
    await expectContent(fs, 'plain', 'x')
    await fs.rename('plain', 'c|d')
    await expectContent(fs, 'c|d', 'x')
    expect(await fs.readdir('')).toEqual(['c|d'])
  }),
])
