import { mkdir, open, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { patterned } from '../conformance/suite.ts'
import { run } from '../harness/programs.ts'
import { contentRoute, mountUnavailable, Workplace, type Mount } from './harness.ts'

const why = await mountUnavailable('ls', 'find', 'getfattr', 'setfattr')
const mebibyte = 1024 * 1024

/** The request budget of docs/ARCHITECTURE.md, measured on a mount. */
describe.skipIf(why)(`what operations cost in requests${why ? ` (${why})` : ''}`, () => {
  let place: Workplace
  let mount: Mount

  beforeAll(async () => {
    place = await Workplace.open()
    for (let i = 0; i < 30; i += 1) await place.drive.put(`tree/d${i % 3}/f${i}.txt`, `content ${i}`)
    await place.drive.put('small.bin', patterned(200_000))
    await place.drive.put('large.bin', patterned(16 * mebibyte))
    await place.drive.put('note.txt', 'note')
    mount = await place.mount()
    await run('ls', ['-l', place.mountpoint])
    // find and df ask for the size of the drive, which is then known for a while.
    await run('df', [place.mountpoint])
  })
  afterAll(() => place?.close())

  function facts(path: string, ...names: readonly string[]): Promise<string[]> {
    const values = names.map((name) => {
      return run('getfattr', [
        '--absolute-names',
        '--only-values',
        '-n',
        `user.cloudreve.${name}`,
        place.at(path),
      ])
    })
    return Promise.all(values)
  }

  async function costs(from: string, to: string): Promise<number> {
    const mark = place.mark()
    await rename(place.at(from), place.at(to))
    await mount.settle()
    const counts = mark.counts()
    return (counts['POST /file/rename'] ?? 0) + (counts['POST /file/move'] ?? 0)
  }

  it('the first ls of an unknown folder: one listing', async () => {
    const mark = place.mark()
    await run('ls', ['-l', place.at('tree')])
    expect(mark.counts()).toEqual({ 'GET /file': 1 })
  })

  it('ls -lR, find and failed lookups in a known tree: nothing', async () => {
    await run('ls', ['-lR', place.mountpoint])
    const mark = place.mark()
    await run('ls', ['-lR', place.mountpoint])
    await run('find', [place.mountpoint, '-name', 'f1*', '-size', '-1000k'])
    await expect(stat(place.at('tree/d1/missing'))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(stat(place.at('missing'))).rejects.toMatchObject({ code: 'ENOENT' })
    expect(mark.counts()).toEqual({})
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
    const counts = mark.counts()
    expect(counts['POST /file/url']).toBe(1)
    expect(counts[contentRoute]).toBeLessThanOrEqual(18)
    expect(Object.keys(counts).sort()).toEqual([contentRoute, 'POST /file/url'].sort())
    const sent = place.server.requests
      .since(position)
      .filter(({ route }) => route === contentRoute)
      .reduce((sum, { bytesOut }) => sum + bytesOut, 0)
    expect(sent).toBe(16 * mebibyte)
  })

  it('saving a new small file: one request, and at most one listing behind it', async () => {
    const mark = place.mark()
    await writeFile(place.at('tree/new.txt'), 'new')
    await mount.settle()
    const { 'GET /file': listings = 0, ...rest } = mark.counts()
    expect(rest).toEqual({ 'PUT /file/content': 1 })
    expect(listings).toBeLessThanOrEqual(1)
  })

  it('saving a changed small file: one request', async () => {
    const mark = place.mark()
    await writeFile(place.at('note.txt'), 'changed')
    await mount.settle()
    expect(mark.counts()).toEqual({ 'PUT /file/content': 1 })
  })

  it("an editor's save (temporary file, rename over): one request", async () => {
    const mark = place.mark()
    await writeFile(place.at('.note.tmp'), 'saved by an editor')
    await rename(place.at('.note.tmp'), place.at('note.txt'))
    await mount.settle()
    expect(mark.counts()).toEqual({ 'PUT /file/content': 1 })
  })

  it('a file that is made and removed at once: nothing', async () => {
    const mark = place.mark()
    await writeFile(place.at('temporary'), 'x')
    await unlink(place.at('temporary'))
    await mount.settle()
    expect(mark.counts()).toEqual({})
  })

  it('an empty folder: one request; a folder with files: none of its own', async () => {
    const mark = place.mark()
    await mkdir(place.at('empty'))
    await mount.settle()
    expect(mark.counts()['POST /file/create']).toBe(1)
    const second = place.mark()
    await mkdir(place.at('full'))
    await writeFile(place.at('full/a'), '1')
    await writeFile(place.at('full/b'), '2')
    await mount.settle()
    const counts = second.counts()
    expect(counts['PUT /file/content']).toBe(2)
    expect(counts['POST /file/create'], JSON.stringify(counts)).toBeUndefined()
  })

  it('rename: one request, move: one, both at once: two', async () => {
    expect(await costs('small.bin', 'renamed.bin')).toBe(1)
    expect(await costs('renamed.bin', 'tree/renamed.bin')).toBe(1)
    expect(await costs('tree/renamed.bin', 'small.bin')).toBe(2)
  })

  it('chmod and setfattr on an uploaded file: one request each', async () => {
    for (const [program, args] of [
      ['chmod', ['600']],
      ['setfattr', ['-n', 'user.note', '-v', 'hello']],
    ] as const) {
      const mark = place.mark()
      await run(program, [...args, place.at('small.bin')])
      await mount.settle()
      expect(mark.counts(), program).toEqual({ 'PATCH /file/metadata': 1 })
    }
  })

  it('facts: nothing from what is known, one request for details, one for activities', async () => {
    await stat(place.at('note.txt'))
    const mark = place.mark()
    const [id] = await facts('note.txt', 'id', 'uri', 'entity', 'sync')
    expect(mark.counts()).toEqual({})
    expect(id).toBe((await place.drive.info('note.txt')).id)
    const details = place.mark()
    await facts('note.txt', 'versions')
    await facts('note.txt', 'policy')
    expect(details.counts()).toEqual({ 'GET /file/info': 1 })
  })

  it('listing the names of attributes: nothing', async () => {
    const mark = place.mark()
    await run('getfattr', ['--absolute-names', '-m', '.', place.at('note.txt')])
    expect(mark.counts()).toEqual({})
  })

  it('rm -r of a tree of 30 files: at most four requests', async () => {
    const mark = place.mark()
    await run('rm', ['-r', place.at('tree')])
    await mount.settle()
    expect(mark.total(), JSON.stringify(mark.counts())).toBeLessThanOrEqual(4)
    expect((await place.drive.list('')).map(({ name }) => name)).not.toContain('tree')
  })
})
