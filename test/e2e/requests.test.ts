import { mkdir, open, readFile, rename, rmdir, stat, unlink, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { patterned } from '../conformance/suite.ts'
import { encodePng, paint } from '../../src/server/pictures/png.ts'
import { run } from '../harness/programs.ts'
import { describeMounts } from './each-driver.ts'
import { contentRoute, Workplace, type Mount } from './harness.ts'

const programs = ['ls', 'find', 'du', 'cp', 'getfattr', 'setfattr']
const mebibyte = 1024 * 1024

/** The values of facts, one after the other, as `getfattr` shows them. */
async function facts(place: Workplace, path: string, ...names: readonly string[]): Promise<string[]> {
  const values: string[] = []
  for (const name of names) {
    const options = ['--absolute-names', '--only-values', '-n', `user.cloudreve.${name}`]
    values.push(await run('getfattr', [...options, place.at(path)]))
  }
  return values
}

/** Exact numbers, so that nobody makes an operation dearer, or cheaper, without saying so here. */
await describeMounts('what operations cost in requests', programs, (driver) => {
  let place: Workplace
  let mount: Mount

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    for (let i = 0; i < 30; i += 1) {
      await place.server.admin.write(`/tree/d${i % 3}/f${i}.txt`, `content ${i}`)
    }
    await place.server.admin.write('/small.bin', patterned(200_000))
    await place.server.admin.write('/large.bin', patterned(16 * mebibyte))
    await place.server.admin.write('/note.txt', 'note')
  })
  afterAll(() => place?.close())

  /** Requests of `work` and of what has to be sent after it. */
  async function costOf(work: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
    const mark = place.mark()
    await work()
    await mount.settle()
    return mark.counts()
  }

  function move(from: string, to: string): ReturnType<typeof costOf> {
    return costOf(() => rename(place.at(from), place.at(to)))
  }

  it('mounting with an account of the environment: two to sign in, five about server and account, two listings', async () => {
    const mark = place.mark()
    mount = await place.mount()
    expect(mark.counts()).toEqual({
      'GET /site/config/:section': 2,
      'POST /session/token': 1,
      'GET /site/ping': 1,
      'GET /user/me': 1,
      'GET /user/capacity': 1,
      'GET /user/setting': 1,
      'GET /file': 2,
    })
  })

  it('ls of the top folder after mounting, and df: nothing', async () => {
    expect(await costOf(() => run('ls', ['-l', place.mountpoint]))).toEqual({})
    expect(await costOf(() => run('df', [place.mountpoint]))).toEqual({})
  })

  it('the first ls of an unknown folder: one listing', async () => {
    expect(await costOf(() => run('ls', ['-l', place.at('tree')]))).toEqual({ 'GET /file': 1 })
  })

  it('the first ls -lR of an unknown tree: one walk over all of it', async () => {
    expect(await costOf(() => run('ls', ['-lR', place.mountpoint]))).toEqual({ 'GET /file': 1 })
  })

  it('stat, ls -lR, find, du and failed look-ups in a known tree: nothing', async () => {
    const known = await costOf(async () => {
      await stat(place.at('tree/d1/f1.txt'))
      await run('ls', ['-lR', place.mountpoint])
      await run('find', [place.mountpoint, '-name', 'f1*', '-size', '-1000k'])
      await run('du', ['-s', place.mountpoint])
      await expect(stat(place.at('tree/d1/missing'))).rejects.toMatchObject({ code: 'ENOENT' })
      await expect(stat(place.at('missing'))).rejects.toMatchObject({ code: 'ENOENT' })
    })
    expect(known).toEqual({})
  })

  it('open and read 4 KiB: one URL and one range of at most 128 KiB', async () => {
    const position = place.server.requests.position
    const mark = place.mark()
    const file = await open(place.at('small.bin'), 'r')
    const buffer = Buffer.alloc(4096)
    await file.read(buffer, 0, 4096, 0)
    await file.close()
    expect(buffer.equals(patterned(200_000).subarray(0, 4096))).toBe(true)
    expect(mark.counts()).toEqual({ 'POST /file/url': 1, [contentRoute]: 1 })
    const range = place.server.requests.since(position).find(({ route }) => route === contentRoute)
    expect(range?.bytesOut).toBeLessThanOrEqual(128 * 1024)
  })

  it('a sequential read of 16 MiB: one URL, parts that grow, no byte twice', async () => {
    const position = place.server.requests.position
    const mark = place.mark()
    expect((await readFile(place.at('large.bin'))).equals(patterned(16 * mebibyte))).toBe(true)
    const { [contentRoute]: parts, ...rest } = mark.counts()
    expect(rest).toEqual({ 'POST /file/url': 1 })
    expect(parts).toBeLessThanOrEqual(18)
    const sent = place.server.requests
      .since(position)
      .filter(({ route }) => route === contentRoute)
      .reduce((sum, { bytesOut }) => sum + bytesOut, 0)
    expect(sent).toBe(16 * mebibyte)
  })

  it('saving a small file: one request; a new one also asks once whether its folder is still the same', async () => {
    const one = { 'PUT /file/content': 1 }
    const look = { 'GET /file/info': 1 }
    expect(await costOf(() => writeFile(place.at('tree/new.txt'), 'new'))).toEqual({ ...one, ...look })
    expect(await costOf(() => writeFile(place.at('tree/new.txt'), 'changed'))).toEqual(one)
    expect(await costOf(() => writeFile(place.at('note.txt'), 'changed'))).toEqual(one)
  })

  it('saves of editors, over the file or after it was renamed away: one request', async () => {
    const libreOffice = await costOf(async () => {
      await writeFile(place.at('.note.tmp'), 'saved by an editor')
      await rename(place.at('.note.tmp'), place.at('note.txt'))
    })
    expect(libreOffice).toEqual({ 'PUT /file/content': 1 })
    const vim = await costOf(async () => {
      await rename(place.at('note.txt'), place.at('note.txt~'))
      await writeFile(place.at('note.txt'), 'saved by another')
      await unlink(place.at('note.txt~'))
    })
    expect(vim).toEqual({ 'PUT /file/content': 1 })
  })

  it('a file that is made and removed at once: nothing', async () => {
    const counts = await costOf(async () => {
      await writeFile(place.at('temporary'), 'x')
      await unlink(place.at('temporary'))
    })
    expect(counts).toEqual({})
  })

  it('mkdir: one request, or none but those of the files in it and a listing; none when it is removed again', async () => {
    expect(await costOf(() => mkdir(place.at('empty')))).toEqual({ 'POST /file/create': 1 })
    const full = await costOf(async () => {
      await mkdir(place.at('full'))
      await writeFile(place.at('full/a'), '1')
      await writeFile(place.at('full/b'), '2')
    })
    expect(full).toEqual({ 'PUT /file/content': 2, 'GET /file': 1 })
    const removed = await costOf(async () => {
      await mkdir(place.at('brief'))
      await rmdir(place.at('brief'))
    })
    expect(removed).toEqual({})
  })

  it('rename: one request, move: one, both at once: two', async () => {
    expect(await move('small.bin', 'renamed.bin')).toEqual({ 'POST /file/rename': 1 })
    expect(await move('renamed.bin', 'tree/renamed.bin')).toEqual({ 'POST /file/move': 1 })
    expect(await move('tree/renamed.bin', 'small.bin')).toEqual({
      'POST /file/rename': 1,
      'POST /file/move': 1,
    })
  })

  it('cp of a whole file: copied by the server and looked at; under another name copied, renamed and moved [P1][P7][V9]', async () => {
    const cp = (to: string) => costOf(() => run('cp', [place.at('large.bin'), place.at(to)]))
    const where = ['tree/large.bin', 'tree/a copy.bin', 'another copy.bin']
    const position = place.server.requests.position
    const costs = [await cp(where[0]!), await cp(where[1]!), await cp(where[2]!)]
    for (const path of where)
      expect((await place.drive.bytes(path)).equals(patterned(16 * mebibyte))).toBe(true)
    if (driver === 'libfuse2') return // it does not know the call: bytes are read and written
    const renamed = { 'POST /file/move': 2, 'POST /file/rename': 1 }
    expect(costs).toEqual([
      { 'POST /file/move': 1, 'GET /file/info': 1 },
      // The first one looks for what was left of earlier ones, and makes the folder in which names are given.
      { 'GET /file': 1, 'POST /file/create': 1, ...renamed },
      renamed,
    ])
    expect(place.server.requests.since(position).some(({ route }) => route === 'PUT /file/content')).toBe(
      false,
    )
  })

  it('chmod and setfattr on an uploaded file: one request each', async () => {
    const patch = { 'PATCH /file/metadata': 1 }
    expect(await costOf(() => run('chmod', ['600', place.at('small.bin')]))).toEqual(patch)
    const setfattr = ['-n', 'user.note', '-v', 'hello', place.at('small.bin')]
    expect(await costOf(() => run('setfattr', setfattr))).toEqual(patch)
  })

  it('chmod of many files, and setfattr of as many: one request each; the other way round and back: nothing', async () => {
    await run('ls', ['-lR', place.mountpoint])
    const patch = { 'PATCH /file/metadata': 1 }
    const names = Array.from({ length: 10 }, (_, i) => place.at(`tree/d0/f${3 * i}.txt`))
    expect(await costOf(() => run('chmod', ['600', ...names]))).toEqual(patch)
    expect(await costOf(() => run('setfattr', ['-n', 'user.note', '-v', 'hello', ...names]))).toEqual(patch)
    const back = await costOf(async () => {
      await run('chmod', ['640', ...names])
      await run('chmod', ['600', ...names])
    })
    expect(back).toEqual({})
  })

  it('chmod -R of a tree: one request for its files, one for each level of its folders', async () => {
    await run('ls', ['-lR', place.mountpoint])
    const counts = await costOf(() => run('chmod', ['-R', 'g-r', place.at('tree')]))
    expect(counts).toEqual({ 'PATCH /file/metadata': 3 })
  })

  it('rm -r of a tree: one walk through it, and it goes in one call', async () => {
    const counts = await costOf(() => run('rm', ['-r', place.at('tree')]))
    expect(counts).toEqual({ 'GET /file': 1, 'DELETE /file': 1 })
    expect((await place.drive.list('')).map(({ name }) => name)).not.toContain('tree')
  })

  it('rm of a file: compared, and deleted', async () => {
    const counts = await costOf(() => unlink(place.at('small.bin')))
    expect(counts).toEqual({ 'GET /file/info': 1, 'DELETE /file': 1 })
  })
})

await describeMounts('what facts and long listings cost on a server with a history', programs, (driver) => {
  let place: Workplace

  beforeAll(async () => {
    place = await Workplace.open({ driver, pro: true, maxPageSize: 10 })
    for (let i = 0; i < 35; i += 1) await place.server.admin.write(`/many/f${i}`, '')
    for (let i = 0; i < 130; i += 1) await place.drive.put('note.txt', `version ${i}`)
    await place.server.admin.write('/shot.png', encodePng(paint(8, 8, () => [1, 2, 3])))
    await place.mount()
    await stat(place.at('note.txt'))
  })
  afterAll(() => place?.close())

  it('the first ls of a folder of 35 where a page holds 10: one listing a page', async () => {
    const mark = place.mark()
    expect((await run('ls', [place.at('many')])).trim().split('\n')).toHaveLength(35)
    expect(mark.counts()).toEqual({ 'GET /file': 4 })
  })

  it('names of attributes, and facts of the record: nothing', async () => {
    const mark = place.mark()
    await run('getfattr', ['--absolute-names', '-m', '.', place.at('note.txt')])
    const known = ['id', 'uri', 'entity', 'owner', 'created', 'capability', 'shared', 'sync']
    const [id] = await facts(place, 'note.txt', ...known)
    expect(mark.counts()).toEqual({})
    expect(id).toBe((await place.drive.info('note.txt')).id)
  })

  it('versions, policy, shares and direct links: one together', async () => {
    const mark = place.mark()
    await facts(place, 'note.txt', 'versions', 'policy', 'shares', 'directlinks', 'versions')
    expect(mark.counts()).toEqual({ 'GET /file/info': 1 })
  })

  it('activities: one a page, then nothing while they are young', async () => {
    const mark = place.mark()
    const [lines] = await facts(place, 'note.txt', 'activities')
    // It was made, then got 130 contents.
    expect(lines!.trim().split('\n')).toHaveLength(131)
    expect(mark.counts()).toEqual({ 'GET /file/activities': 2 })
    const again = place.mark()
    await facts(place, 'note.txt', 'activities', 'activities.json')
    expect(again.counts()).toEqual({})
  })

  it('an address of the content: one, though getfattr asks twice; of a picture: one, and one a mount for what has some [A29]', async () => {
    await stat(place.at('shot.png'))
    const mark = place.mark()
    const [url] = await facts(place, 'note.txt', 'url')
    expect(mark.counts()).toEqual({ 'POST /file/url': 1 })
    expect(await (await fetch(url!)).text()).toBe('version 129')
    const pictures = place.mark()
    const [thumbnail] = await facts(place, 'shot.png', 'thumbnail')
    expect(pictures.counts()).toEqual({ 'GET /site/config/:section': 1, 'GET /file/thumb': 1 })
    expect(await (await fetch(thumbnail!)).text()).toContain('IHDR')
    const again = place.mark()
    await expect(facts(place, 'note.txt', 'thumbnail')).rejects.toThrow()
    await facts(place, 'shot.png', 'thumbnail')
    expect(again.counts()).toEqual({})
  })

  it('copies with all attributes: no address is asked for, nor carried along [A28]', async () => {
    await run('cp', ['-a', place.at('shot.png'), place.at('copy.png')])
    const listed = await run('getfattr', ['--absolute-names', '-d', '-m', '.', place.at('copy.png')])
    expect(listed).not.toMatch(/sign=|thumb=/)
    const routes = place.server.requests.since(0).filter(({ route }) => route === 'GET /file/thumb')
    expect(routes).toHaveLength(1)
  })
})

await describeMounts('what small files in a row cost', programs, (driver) => {
  let place: Workplace

  beforeAll(async () => {
    place = await Workplace.open({ driver })
    for (const folder of ['copied', 'searched', 'shown'])
      for (let i = 0; i < 200; i += 1) await place.server.admin.write(`/${folder}/f${i}`, `content ${i}`)
    await place.mount()
    await run('ls', ['-lR', place.mountpoint])
  })
  afterAll(() => place?.close())

  it.each([
    ['cp -r', 'copied', () => run('cp', ['-r', place.at('copied'), place.scratch])],
    ['grep -r', 'searched', () => run('grep', ['-r', 'content 199', place.at('searched')])],
    ['cat *', 'shown', () => run('sh', ['-c', `cat ${place.at('shown')}/*`])],
  ] as const)('%s of 200 files: a range each, and a URL call for many [R9]', async (_, folder, work) => {
    const mark = place.mark()
    expect(await work()).toContain(folder === 'copied' ? '' : 'content 199')
    const { [contentRoute]: ranges, 'POST /file/url': urls } = mark.counts()
    expect(ranges).toBe(200)
    expect(urls).toBeLessThan(25)
    const copied = folder === 'copied' ? Array.from({ length: 200 }, (__, i) => i) : []
    for (const i of copied)
      expect(await readFile(`${place.scratch}/copied/f${i}`, 'utf8')).toBe(`content ${i}`)
  })
})
