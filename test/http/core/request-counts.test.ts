/** What changes cost in requests, of a folder that is known. Exact numbers, so that nobody makes one dearer without saying so here. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../conformance/engine.ts'
import { EmbeddedHost } from '../../conformance/engines/http-hosts.ts'
import { patterned } from '../../conformance/suite.ts'

const host = new EmbeddedHost()

beforeAll(() => host.start())
afterAll(() => host.stop())

const mebibyte = 1024 * 1024
const put = { 'PUT /file/content': 1 }
/** What goes with a time or a mode: a session, its chunk, and its confirmation. */
const session = { 'PUT /file/upload': 1, 'POST /file/upload': 1, 'GET /file/info': 1 }
/** Once for all new files of a folder and a burst: whether it is still where they were meant to go. */
const folderCheck = { 'GET /file/info': 1 }
const newWithMore = { ...session, 'GET /file/info': 2 }
const compared = { 'GET /file/info': 1 }
const removed = { 'DELETE /file': 1 }
const patch = { 'PATCH /file/metadata': 1 }
const chosenNs = 1_577_836_800_357_278_728n

interface Row {
  readonly what: string
  /** Files by path; those that end with a slash are folders. */
  readonly before?: Readonly<Record<string, string | Buffer>>
  readonly work: (fs: Engine) => Promise<unknown>
  readonly requests: Readonly<Record<string, number>>
}

const many = Array.from({ length: 20 }, (_, i) => `f${i}`)

function filesIn(folder: string): Record<string, string> {
  return Object.fromEntries(many.map((name) => [`${folder}/${name}`, name]))
}

async function removeAll(fs: Engine, folder: string): Promise<void> {
  for (const [name, kind] of await fs.readdirTypes(folder)) {
    if (kind === 'folder') await removeAll(fs, `${folder}/${name}`)
    else await fs.unlink(`${folder}/${name}`)
  }
  await fs.rmdir(folder)
}

const rows: readonly Row[] = [
  { what: 'a small new file', work: (fs) => fs.writeFile('n', 'new'), requests: { ...put, ...folderCheck } },
  {
    what: 'a small changed file',
    before: { n: 'old' },
    work: (fs) => fs.writeFile('n', 'new'),
    requests: put,
  },
  {
    what: 'an empty file',
    work: (fs) => fs.writeFile('n', ''),
    requests: { 'POST /file/create': 1, ...folderCheck },
  },
  {
    what: 'a new file with a chosen time',
    work: async (fs) => {
      await fs.writeFile('n', 'new')
      await fs.utimes('n', 'omit', chosenNs)
    },
    requests: newWithMore,
  },
  {
    what: 'a new file with a mode and an attribute',
    work: async (fs) => {
      await fs.writeFile('n', 'new')
      await fs.chmod('n', 0o600)
      await fs.setxattr('n', 'user.note', Buffer.from('mine'))
    },
    requests: newWithMore,
  },
  {
    what: 'many new files with chosen times in one folder',
    work: async (fs) => {
      for (const name of many) {
        await fs.writeFile(name, name)
        await fs.utimes(name, 'omit', chosenNs)
      }
    },
    requests: { 'PUT /file/upload': 20, 'POST /file/upload': 20, 'GET /file/info': 21 },
  },
  {
    what: 'a file of 30 MiB: a session, its two chunks, its confirmation',
    work: (fs) => fs.writeFile('n', patterned(30 * mebibyte)),
    requests: { ...newWithMore, 'POST /file/upload': 2 },
  },
  {
    what: 'a file that is written beside and renamed over',
    before: { n: 'old' },
    work: async (fs) => {
      await fs.writeFile('n.tmp', 'new')
      await fs.rename('n.tmp', 'n')
    },
    requests: put,
  },
  {
    what: 'an uploaded small file that is renamed over another: a version; it is compared and goes',
    before: { n: 'old', m: 'other' },
    work: (fs) => fs.rename('m', 'n'),
    requests: { ...put, ...compared, ...removed },
  },
  {
    what: 'an uploaded large file that is renamed over another: that is compared and goes',
    before: { n: 'old', m: patterned(4 * mebibyte + 1) },
    work: (fs) => fs.rename('m', 'n'),
    requests: { ...compared, ...removed, 'POST /file/rename': 1 },
  },
  {
    what: 'a file that is made and removed',
    work: async (fs) => {
      await fs.writeFile('n', 'new')
      await fs.unlink('n')
    },
    requests: {},
  },
  { what: 'an empty folder', work: (fs) => fs.mkdir('d'), requests: { 'POST /file/create': 1 } },
  {
    what: 'a folder that is made and removed',
    work: async (fs) => {
      await fs.mkdir('d')
      await fs.rmdir('d')
    },
    requests: {},
  },
  {
    what: 'folders with files in them: theirs, and a listing for the ids',
    work: async (fs) => {
      await fs.mkdir('d')
      await fs.mkdir('d/e')
      for (const name of ['a', 'b', 'c']) await fs.writeFile(`d/e/${name}`, name)
    },
    requests: { 'PUT /file/content': 3, 'GET /file': 1, ...folderCheck },
  },
  {
    what: 'a renamed file',
    before: { n: 'n' },
    work: (fs) => fs.rename('n', 'm'),
    requests: { 'POST /file/rename': 1 },
  },
  {
    what: 'a moved file',
    before: { n: 'n', 'd/a': 'a' },
    work: (fs) => fs.rename('n', 'd/n'),
    requests: { 'POST /file/move': 1 },
  },
  {
    what: 'a file that is moved and renamed',
    before: { n: 'n', 'd/a': 'a' },
    work: (fs) => fs.rename('n', 'd/m'),
    requests: { 'POST /file/move': 1, 'POST /file/rename': 1 },
  },
  {
    what: 'a file that is moved and renamed, both names taken on the way',
    before: { x: 'x', y: 'y', 'd/x': 'other' },
    work: (fs) => fs.rename('x', 'd/y'),
    requests: { 'POST /file/move': 1, 'POST /file/rename': 2 },
  },
  {
    what: 'many files that are moved to one folder',
    before: { ...filesIn('from'), 'd/a': 'a' },
    work: async (fs) => {
      for (const name of many) await fs.rename(`from/${name}`, `d/${name}`)
    },
    requests: { 'POST /file/move': 1 },
  },
  {
    what: 'a removed file',
    before: { n: 'n' },
    work: (fs) => fs.unlink('n'),
    requests: { ...compared, ...removed },
  },
  {
    what: 'many removed files of one folder: a listing compares them',
    before: filesIn('d'),
    work: async (fs) => {
      for (const name of many) await fs.unlink(`d/${name}`)
    },
    requests: { 'GET /file': 1, ...removed },
  },
  {
    what: 'a removed empty folder: its listing compares it',
    before: { 'd/': '' },
    work: (fs) => fs.rmdir('d'),
    requests: { 'GET /file': 1, ...removed },
  },
  {
    what: 'a removed folder of files: its listing compares it',
    before: filesIn('d'),
    work: (fs) => removeAll(fs, 'd'),
    requests: { 'GET /file': 1, ...removed },
  },
  {
    what: 'a removed tree: one walk compares it',
    before: { ...filesIn('d/e'), 'd/a': 'a' },
    work: (fs) => removeAll(fs, 'd'),
    requests: { 'GET /file': 1, ...removed },
  },
  {
    what: 'a copy under the same name elsewhere: it is looked at',
    before: { n: 'n', 'd/a': 'a' },
    work: (fs) => fs.copyFile('n', 'd/n'),
    requests: { 'POST /file/move': 1, ...compared },
  },
  {
    what: 'many copies under the same names elsewhere',
    before: { ...filesIn('from'), 'd/a': 'a' },
    work: async (fs) => {
      for (const name of many) await fs.copyFile(`from/${name}`, `d/${name}`)
    },
    requests: { 'POST /file/move': 20, 'GET /file/info': 20 },
  },
  {
    what: 'modes and attributes of uploaded files, the same for all',
    before: filesIn('d'),
    work: async (fs) => {
      for (const name of many) {
        await fs.chmod(`d/${name}`, 0o600)
        await fs.setxattr(`d/${name}`, 'user.note', Buffer.from('mine'))
      }
    },
    requests: patch,
  },
  {
    what: 'a time of an uploaded file',
    before: { n: 'n' },
    work: (fs) => fs.utimes('n', 'omit', chosenNs),
    requests: patch,
  },
]

async function prepare(fs: Engine, before: NonNullable<Row['before']>): Promise<void> {
  const folders = new Set<string>()
  for (const path of Object.keys(before))
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
      folders.add(path.slice(0, at))
  for (const folder of [...folders].sort()) await fs.mkdir(folder)
  for (const [path, content] of Object.entries(before))
    if (!path.endsWith('/')) await fs.writeFile(path, content)
  await fs.settle()
  await fs.remount!()
  for (const folder of ['', ...folders]) await fs.readdir(folder)
}

describe('what a change costs in requests', () => {
  it.each(rows)('$what', async ({ before = {}, work, requests }) => {
    const fs = await host.fresh()
    try {
      await prepare(fs, before)
      const mark = fs.server!.mark()
      await work(fs)
      await fs.settle()
      expect(mark.counts()).toEqual(requests)
    } finally {
      await fs.close()
    }
  })
})
