/** What a person has pinned is on this machine, whatever else is read, and follows what becomes of it. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { patternBytes } from '../../../fakes/content-remote.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

const MIB = 1024 ** 2
const limitBytes = 24 * MIB

let drive: TestDrive
let cacheFolder: string

beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), 'pins-'))
  drive = await TestDrive.open({
    cacheFolder,
    cacheLimitBytes: limitBytes,
    settings: { readMemoryBytes: 64 * MIB, metadataTtlMs: 1_000 },
  })
})
afterEach(async () => {
  await drive.stop()
  await rm(cacheFolder, { recursive: true, force: true })
})

const pin = (...names: string[]) => drive.drive.top.pin(names)
const cached = (path: string) => drive.getxattr(path, 'user.cloudreve.cached')
const pinned = () => drive.drive.top.pinnedPaths()

async function put(path: string, bytes: number, seed = path.length): Promise<void> {
  drive.remote.putAsOther(path, patternBytes(bytes, seed))
  await drive.outdate()
}

async function readAll(path: string): Promise<number> {
  const file = await drive.open(path)
  let sum = 0
  for (;;) {
    const { length } = await drive.fs.read(file.fh, sum, MIB, drive.context())
    sum += length
    if (length === 0) break
  }
  await drive.close(file)
  await drive.diskCache!.settled()
  return sum
}

/** As the server tells of it, and so long as bursts are waited for. */
async function told(path: string, kind: 'created' | 'changed' = 'changed'): Promise<void> {
  const { id } = drive.remote.entryAt(path)
  drive.remote.feed.tell({ kind: 'changes', changes: [{ kind, id, path: path.split('/') }] })
  await passed(3_000)
}

async function passed(ms: number): Promise<void> {
  await settle() // what was told has been heard
  await drive.clock.advance(ms)
  await drive.during(drive.drive.pinsSettled())
}

describe('pin', () => {
  it('brings all files of a folder here, which then cost nothing, also while the server is away [R11]', async () => {
    for (const name of ['p/one', 'p/deep/two', 'other']) await put(name, MIB)
    expect(await drive.during(pin('p'))).toMatchObject({
      files: 2,
      bytes: 2 * MIB,
      fetchedBytes: 2 * MIB,
      leftFiles: 0,
    })
    expect(await cached('p/one')).toBe('pinned')
    expect(await cached('p/deep/two')).toBe('pinned')
    expect(await cached('other')).toBe('none')
    await drive.names('p/deep')
    drive.remote.offline = true
    expect(await readAll('p/deep/two')).toBe(MIB)
    drive.remote.offline = false
  })

  it('keeps it however much else is read, also after a restart [R11]', async () => {
    await put('p/kept', 4 * MIB)
    for (let n = 0; n < 10; n += 1) await put(`big${n}`, 4 * MIB)
    await drive.during(pin('p'))
    for (let n = 0; n < 5; n += 1) await readAll(`big${n}`)
    await drive.remount()
    for (let n = 5; n < 10; n += 1) await readAll(`big${n}`)
    expect(await cached('p/kept')).toBe('pinned')
    expect(await cached('big0')).toBe('none')
    expect(await cached('big9')).toBe('full')
  })

  it.each(['clear', 'clear path'] as const)('stays when the cache is emptied by %s', async (how) => {
    await put('p/kept', MIB)
    await put('other', MIB)
    await drive.during(pin('p'))
    await readAll('other')
    if (how === 'clear') expect(await drive.diskCache!.clear()).toBeGreaterThanOrEqual(MIB)
    else expect(await drive.drive.top.clearCached(['p'])).toBe(0)
    expect(await cached('p/kept')).toBe('pinned')
    expect(await cached('other')).toBe(how === 'clear' ? 'none' : 'full')
  })

  it('goes last where the disk is needed for what was written here, and is fetched again [R11]', async () => {
    await put('p/kept', 4 * MIB)
    await put('other', 4 * MIB)
    await drive.during(pin('p'))
    await readAll('other')
    await drive.diskCache!.giveBack(MIB)
    expect(await cached('other')).toBe('none')
    expect(await cached('p/kept')).toBe('pinned')
    await drive.diskCache!.giveBack(MIB)
    expect(await cached('p/kept')).toBe('none')
    drive.drive.followChanges()
    await passed(301_000)
    expect(await cached('p/kept')).toBe('pinned')
  })

  it('refuses what does not fit, and pins nothing of it', async () => {
    await put('p/large', 23 * MIB)
    await expect(drive.during(pin('p'))).rejects.toMatchObject({
      errno: Errno.ENOSPC,
      message: expect.stringMatching(/23 MiB .* than the 22 MiB .* --cache-limit/) as string,
    })
    expect(pinned()).toEqual([])
    expect(await cached('p/large')).toBe('none')
  })

  it('counts what is pinned already', async () => {
    await put('a', 12 * MIB)
    await put('b', 12 * MIB)
    await drive.during(pin('a'))
    await expect(drive.during(pin('b'))).rejects.toMatchObject({ errno: Errno.ENOSPC })
    await drive.remount()
    await expect(drive.during(pin('b'))).rejects.toMatchObject({ errno: Errno.ENOSPC })
    expect(pinned().map(({ names }) => names)).toEqual([['a']])
  })

  it('is refused for the whole drive, and for what is not at the server yet', async () => {
    await expect(pin()).rejects.toThrow('pin folders of it')
    drive.remote.offline = true
    await drive.create('new').then((file) => drive.close(file))
    await expect(drive.during(pin('new'))).rejects.toMatchObject({ errno: Errno.EAGAIN })
    drive.remote.offline = false
  })

  it('goes on behind the back of who does not wait for it', async () => {
    await put('p/one', MIB)
    const gate = drive.remote.hold('readRange')
    const end = new AbortController()
    const asked = drive.drive.top.pin(['p'], { signal: end.signal })
    await drive.during(gate.entered)
    end.abort()
    gate.release()
    await expect(drive.during(asked)).rejects.toThrow()
    await passed(11_000)
    expect(await cached('p/one')).toBe('pinned')
  })
})

describe('what is pinned is followed', () => {
  beforeEach(async () => {
    await put('p/one', MIB)
    await drive.during(pin('p'))
    drive.drive.followChanges()
    drive.remote.feed.tell({ kind: 'live' })
    await passed(1)
  })

  it('when somebody else changes it: the new version is here, unasked [R12]', async () => {
    await put('p/one', 2 * MIB, 9)
    await told('p/one')
    expect(await cached('p/one')).toBe('pinned')
    expect(pinned()).toMatchObject([{ files: 1, bytes: 2 * MIB, trouble: undefined }])
  })

  it('when it is one file that somebody else changes', async () => {
    await put('single', MIB)
    await drive.during(pin('single'))
    await put('single', 2 * MIB, 9)
    await told('single')
    drive.remote.offline = true
    expect(await drive.during(readAll('single'))).toBe(2 * MIB)
    drive.remote.offline = false
  })

  it('by its names too: what has come can be found while the server is away [R12]', async () => {
    await put('p/deep/two', MIB, 3)
    await told('p/deep/two', 'created')
    drive.remote.offline = true
    expect(await drive.during(drive.names('p'))).toEqual(['deep', 'one'])
    expect(await drive.during(readAll('p/deep/two'))).toBe(MIB)
    drive.remote.offline = false
  })

  it('when something comes into it or goes', async () => {
    await put('p/deep/two', MIB, 3)
    await told('p/deep/two', 'created')
    expect(await cached('p/deep/two')).toBe('pinned')
    expect(pinned()).toMatchObject([{ files: 2, bytes: 2 * MIB }])
  })

  it('when a program here saves, renames or deletes in it', async () => {
    await drive.save('p/new', 'hello')
    await drive.rename('p/one', 'p/uno')
    await drive.settleAll()
    await passed(3_000)
    expect(await cached('p/new')).toBe('pinned')
    expect(await cached('p/uno')).toBe('pinned')
    expect(pinned()).toMatchObject([{ files: 2 }])
    await drive.unlink('p/uno')
    await drive.settleAll()
    await passed(3_000)
    expect(pinned()).toMatchObject([{ files: 1 }])
  })

  it('when it is moved, here or elsewhere', async () => {
    await drive.rename('p', 'q')
    await drive.settleAll()
    await passed(3_000)
    expect(pinned()).toMatchObject([{ names: ['q'], trouble: undefined }])
    expect(await cached('q/one')).toBe('pinned')
  })

  it('costs nothing while nothing changes', async () => {
    await passed(61_000) // what was changed before it was told of is asked for once
    await passed(3_000)
    drive.remote.script.forgetCalls()
    await passed(3_600_000)
    const methods = new Set(drive.remote.calls.map(({ method }) => method))
    for (const method of ['infoById', 'info', 'listSubtree', 'readRange'] as const)
      expect(methods).not.toContain(method)
  })

  it('and fetched when the server is there again', async () => {
    await put('p/one', 2 * MIB, 9)
    drive.remote.offline = true
    drive.remote.feed.tell({ kind: 'changes', changes: [] })
    drive.remote.feed.tell({ kind: 'missed' })
    await passed(30_000)
    expect(pinned()[0]!.trouble).toBeDefined()
    drive.remote.offline = false
    await passed(300_000)
    expect(pinned()[0]!.trouble).toBeUndefined()
    expect(await cached('p/one')).toBe('pinned')
  })

  it('says so when it is deleted, and goes on when it is there again', async () => {
    drive.remote.removeAsOther('p')
    await drive.outdate()
    drive.remote.feed.tell({ kind: 'missed' })
    await passed(3_000)
    expect(pinned()).toMatchObject([{ names: ['p'], trouble: 'the server has it no more' }])
    await put('p/again', MIB)
    drive.remote.feed.tell({ kind: 'missed' })
    await passed(3_000)
    expect(pinned()).toMatchObject([{ names: ['p'], files: 1, trouble: undefined }])
    expect(await cached('p/again')).toBe('pinned')
  })
})

it('without a stream it is looked at every few minutes [R12]', async () => {
  await put('p/one', MIB)
  await drive.during(pin('p'))
  drive.drive.followChanges()
  await put('p/one', 2 * MIB, 9)
  await passed(301_000)
  expect(await cached('p/one')).toBe('pinned')
})

describe('unpin', () => {
  it('lets it go when its room is needed [R11]', async () => {
    await put('p/one', 4 * MIB)
    for (let n = 0; n < 6; n += 1) await put(`big${n}`, 4 * MIB)
    await drive.during(pin('p'))
    expect(await drive.drive.top.unpin(['p'])).toBe('unpinned')
    expect(await cached('p/one')).toBe('full')
    for (let n = 0; n < 6; n += 1) await readAll(`big${n}`)
    expect(await cached('p/one')).toBe('none')
    await drive.remount()
    expect(pinned()).toEqual([])
  })

  it('says what something is pinned with, or that it is not', async () => {
    await put('p/one', MIB)
    await drive.during(pin('p'))
    expect(await drive.drive.top.unpin(['p', 'one'])).toEqual({ pinnedWith: ['p'] })
    expect(await drive.drive.top.unpin(['elsewhere'])).toBe('not pinned')
  })
})

function recordPath(): string {
  return join(drive.folder, 'pins.json')
}

describe('the record', () => {
  it('survives kill -9 while it is fetched: it goes on with the next process', async () => {
    await put('p/one', MIB)
    const gate = drive.remote.hold('readRange')
    drive.drive.top.pin(['p']).catch(() => undefined) // its process is killed
    await drive.during(gate.entered)
    await drive.crash()
    gate.release()
    drive.drive.followChanges()
    await passed(3_000)
    expect(await cached('p/one')).toBe('pinned')
  })

  it('is put aside when it is damaged, and that is said', async () => {
    await put('p/one', MIB)
    await drive.during(pin('p'))
    await drive.crash(() =>
      writeFile(recordPath(), '{"format":"cloudreve-mount pins","version":1,"pins":[{"id":1}]}'),
    )
    expect(pinned()).toEqual([])
    expect(drive.log.lines.map(({ message }) => message).join('\n')).toContain('pin it again')
    expect(await readFile(`${recordPath()}.damaged`, 'utf8')).toContain('"id":1')
  })

  it('of a newer version is not touched: the drive does not open, with a sentence', async () => {
    const newer = '{"format":"cloudreve-mount pins","version":2,"pins":[]}'
    await expect(drive.crash(() => writeFile(recordPath(), newer))).rejects.toThrow(
      /newer version of cloudreve-mount/,
    )
    expect(await readFile(recordPath(), 'utf8')).toBe(newer)
    await rm(recordPath())
    await drive.start()
  })
})
