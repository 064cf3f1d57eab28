import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeFileLayer, type FileLayer, type LocalFile } from '../../../../src/base/file-layer.ts'
import { formatHeader } from '../../../../src/core/journal/frame.ts'
import { silentLog } from '../../../../src/base/log.ts'
import { Journal, JournalVersionError, type JournalOptions } from '../../../../src/core/journal/index.ts'
import { FullDisk } from '../../../fakes/full-disk.ts'
import { recordingLog } from '../../../fakes/recording-log.ts'

let folder: string
const opened: Journal[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'))
})

afterEach(async () => {
  await Promise.allSettled(opened.splice(0).map((journal) => journal.close()))
  await rm(folder, { recursive: true })
})

async function open(options: Partial<JournalOptions> = {}) {
  const found = await Journal.open({ folder, layer: nodeFileLayer, log: silentLog, ...options })
  opened.push(found.journal)
  return found
}

async function entries(): Promise<unknown> {
  return Object.fromEntries((await open()).entries)
}

/** The local disk, with `change` before or in the place of what is done to the files of a journal. */
function layerWith(change: (file: LocalFile, path: string) => Partial<LocalFile>): FileLayer {
  return {
    ...nodeFileLayer,
    open: async (path, how) => {
      const file = await nodeFileLayer.open(path, how)
      return { ...file, ...change(file, path) }
    },
  }
}

const systemError = (code: string) => Object.assign(new Error(`${code}: as if`), { code })

describe('a journal', () => {
  it('has the last value of each key at the next start', async () => {
    const { journal, entries: before } = await open()
    expect(before.size).toBe(0)
    await journal.put('a', { name: 'first\nline', size: 1 })
    await journal.put('b', [1, 2])
    await journal.put('a', { name: 'second\0', size: 2 })
    await journal.delete('b')
    await journal.put('c', null)
    expect(await entries()).toEqual({ a: { name: 'second\0', size: 2 }, c: null })
  })

  it('has them in the file before it says so: a process may end at any time', async () => {
    const { journal } = await open()
    const put = journal.put('a', 1)
    await put
    expect(await entries()).toEqual({ a: 1 })
  })

  it('keeps what one change says together in one record', async () => {
    const { journal } = await open()
    await journal.put('old', 1)
    await journal.change([{ key: 'old' }, { key: 'new', value: 1 }])
    const path = join(folder, 'journal-1.log')
    const bytes = await readFile(path)
    await writeFile(path, bytes.subarray(0, -1))
    expect(await entries()).toEqual({ old: 1 })
    await writeFile(path, bytes)
    expect(await entries()).toEqual({ new: 1 })
  })

  it('writes the changes of one tick at once, in their order', async () => {
    const appended: string[] = []
    const layer = layerWith((file) => ({
      append: (data) => {
        appended.push(Buffer.from(data).toString())
        return file.append(data)
      },
    }))
    const { journal } = await open({ layer })
    appended.length = 0
    await Promise.all([journal.put('a', 1), journal.put('a', 2), journal.delete('b'), journal.put('a', 3)])
    expect(appended).toHaveLength(1)
    expect(await entries()).toEqual({ a: 3 })
  })

  it('syncs once for all who ask at a time, and not at all when there is nothing new', async () => {
    let syncs = 0
    const layer = layerWith((file) => ({
      datasync: () => {
        syncs += 1
        return file.datasync()
      },
    }))
    const { journal } = await open({ layer })
    syncs = 0
    void journal.put('a', 1)
    await Promise.all([journal.sync(), journal.sync(), journal.sync()])
    expect(syncs).toBe(1)
    await journal.sync()
    expect(syncs).toBe(1)
  })

  it('syncs for what was changed before a position only where that is not on the disk yet', async () => {
    let syncs = 0
    const datasync = async () => void (syncs += 1)
    const { journal } = await open({ layer: layerWith(() => ({ datasync })) })
    await journal.put('a', 1)
    const { position } = journal
    await journal.put('b', 2)
    const before = syncs
    await journal.sync(position)
    await journal.put('c', 3)
    await journal.sync(position)
    expect(syncs).toBe(before + 1)
    await journal.sync(journal.position)
    expect(syncs).toBe(before + 2)
  })

  it('takes changes while a sync is under way', async () => {
    let release: (() => void) | undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    let isHeld = false
    const layer = layerWith((file) => ({ datasync: () => (isHeld ? held : file.datasync()) }))
    const { journal } = await open({ layer })
    isHeld = true
    await journal.put('a', 1)
    const sync = journal.sync()
    await journal.put('b', 2)
    expect(await readFile(join(folder, 'journal-1.log'), 'utf8')).toContain('["b",2]')
    release?.()
    await sync
  })

  it('is on the disk when it is closed, and takes no more', async () => {
    const { journal } = await open()
    await journal.put('a', 1)
    opened.length = 0
    await journal.close()
    expect(() => journal.put('b', 2)).toThrow('a closed journal is changed')
    expect(await entries()).toEqual({ a: 1 })
  })
})

describe('a disk that fails', () => {
  it('leaves the map as it was when it is full, and goes on when there is room', async () => {
    const layer = new FullDisk()
    const { journal } = await open({ layer })
    await journal.put('a', 1)
    for (let room = 0; room < 40; room += 1) {
      layer.roomBytes = room
      const failed = await Promise.allSettled([journal.put('a', 'x'.repeat(40)), journal.put('b', room)])
      expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      layer.roomBytes = Infinity
      expect(await entries()).toMatchObject({ a: 1 })
      await journal.put('c', room)
      expect(await entries()).toEqual({ a: 1, c: room })
    }
  })

  it('goes on in a new file when what a failed write left cannot be taken back', async () => {
    const disk = new FullDisk()
    let cannotCut = false
    const layer: FileLayer = {
      ...nodeFileLayer,
      open: async (path, how) => {
        const file = await disk.open(path, how)
        return {
          ...file,
          truncate: (size) => (cannotCut ? Promise.reject(systemError('EIO')) : file.truncate(size)),
        }
      },
    }
    const log = recordingLog()
    const { journal } = await open({ layer, log })
    await journal.put('a', 1)
    cannotCut = true
    disk.roomBytes = 20
    await expect(journal.put('a', 2)).rejects.toMatchObject({ code: 'ENOSPC' })
    // No room for a new file either: nothing is appended to the torn record.
    await expect(journal.put('a', 3)).rejects.toMatchObject({ code: 'ENOSPC' })
    cannotCut = false
    disk.roomBytes = Infinity
    await journal.put('b', 4)
    expect(await entries()).toEqual({ a: 1, b: 4 })
    await journal.sync()
    expect(await readdir(folder)).toEqual(['journal-2.log'])
    expect(log.lines.map(({ level }) => level)).toEqual(['warn'])
  })

  it('believes no second fdatasync after one that failed: it writes everything anew', async () => {
    let fails = false
    const layer = layerWith((file) => ({
      datasync: () => (fails ? Promise.reject(systemError('EIO')) : file.datasync()),
    }))
    const { journal } = await open({ layer })
    await journal.put('a', 1)
    fails = true
    await expect(journal.sync()).rejects.toMatchObject({ code: 'EIO' })
    await expect(journal.sync()).rejects.toMatchObject({ code: 'EIO' })
    fails = false
    await journal.sync()
    expect(await readdir(folder)).toEqual(['journal-2.log'])
    expect(await entries()).toEqual({ a: 1 })
  })
})

async function fill(journal: Journal): Promise<void> {
  for (let i = 0; i < 30; i += 1) await journal.put(`key ${i % 3}`, i)
}

describe('writing a journal anew', () => {
  const filled = { 'key 0': 27, 'key 1': 28, 'key 2': 29 }

  it('keeps it short, and is one file in the end', async () => {
    const { journal } = await open({ rewriteFromBytes: 1000 })
    for (let i = 0; i < 10; i += 1) await fill(journal)
    await journal.sync()
    const names = await readdir(folder)
    expect(names).toHaveLength(1)
    expect(names).not.toEqual(['journal-1.log'])
    expect((await stat(join(folder, names[0]!))).size).toBeLessThan(2000)
    expect((await stat(join(folder, names[0]!))).mode & 0o777).toBe(0o600)
    expect(await entries()).toEqual(filled)
  })

  it('can be interrupted at every step', async () => {
    const left = { steps: Infinity }
    /** The process ends: from that call on nothing reaches the disk. */
    const step = <T>(work: () => Promise<T>): Promise<T> => {
      left.steps -= 1
      return left.steps < 0 ? new Promise(() => {}) : work()
    }
    const files: LocalFile[] = []
    const layer: FileLayer = {
      open: (path, how) =>
        step(async () => {
          const file = await nodeFileLayer.open(path, how)
          files.push(file)
          return {
            ...file,
            append: (data) => step(() => file.append(data)),
            truncate: (size) => step(() => file.truncate(size)),
            datasync: () => step(() => file.datasync()),
            close: () => step(() => Promise.resolve()),
          }
        }),
      replace: () => Promise.reject(new Error('not used')),
      rename: (from, to) => step(() => nodeFileLayer.rename(from, to)),
      remove: (path) => step(() => nodeFileLayer.remove(path)),
      list: (path) => nodeFileLayer.list(path),
      exists: (path) => nodeFileLayer.exists(path),
      space: (path) => nodeFileLayer.space(path),
      stat: (path) => nodeFileLayer.stat(path),
      makeFolder: (path) => nodeFileLayer.makeFolder(path),
      readWhole: (path) => nodeFileLayer.readWhole(path),
      syncFolder: (path) => step(() => nodeFileLayer.syncFolder(path)),
    }
    const seen = new Set<string>()
    for (let allowed = 0; allowed < 60; allowed += 1) {
      left.steps = Infinity
      const { journal } = await Journal.open({ folder, layer, log: silentLog, rewriteFromBytes: 600 })
      const puts = { done: 0, isEnded: false }
      left.steps = allowed
      void (async () => {
        for (let i = 0; i < 60; i += 1) {
          await journal.put('key', i)
          puts.done = i
        }
        puts.isEnded = true
      })()
      while (left.steps >= 0 && !puts.isEnded) await new Promise((resolve) => setImmediate(resolve))
      seen.add((await readdir(folder)).map((name) => name.replace(/\d+/, 'n')).join())
      const after = await Journal.open({ folder, layer: nodeFileLayer, log: silentLog })
      expect(after.damage).toEqual([])
      if (puts.done > 0) expect([puts.done, puts.done + 1]).toContain(after.entries.get('key'))
      await after.journal.put('key', -1)
      await after.journal.close()
    }
    await Promise.all(files.map((file) => file.close()))
    expect([...seen].sort()).toEqual([
      'journal-n.log',
      'journal-n.log,journal-n.log',
      'journal-n.log,journal-n.log.tmp',
    ])
  })

  it('waits for room when the disk is full, and says so', async () => {
    const disk = new FullDisk()
    const log = recordingLog()
    const { journal } = await open({ layer: disk, log, rewriteFromBytes: 1000 })
    await journal.put('big', 'x'.repeat(500))
    disk.roomBytes = 2000
    for (let i = 0; i < 4; i += 1) await journal.put('key', 'y'.repeat(300))
    while (log.lines.length === 0) await new Promise((resolve) => setImmediate(resolve))
    disk.roomBytes = 200
    await journal.put('key', 'short')
    expect(log.lines.map(({ message }) => message)).toEqual([
      'the journal could not be written anew to make it shorter; it goes on as it is',
    ])
    expect(await readdir(folder)).toEqual(['journal-1.log'])
    disk.roomBytes = Infinity
    await journal.put('key', 'z')
    expect(await entries()).toEqual({ big: 'x'.repeat(500), key: 'z' })
  })
})

describe('a newer version', () => {
  it('is refused with a sentence, and its files stay as they are', async () => {
    await (await open()).journal.put('a', 1)
    const newer = formatHeader(0, 7)
    await writeFile(join(folder, 'journal-2.log'), newer)
    await expect(open()).rejects.toThrow(JournalVersionError)
    await expect(open()).rejects.toThrow(
      /journal-2\.log was written by a newer version of cloudreve-mount \(journal format 7\); use that version/,
    )
    expect(await readFile(join(folder, 'journal-2.log'), 'utf8')).toBe(newer)
    expect(await readdir(folder)).toEqual(['journal-1.log', 'journal-2.log'])
  })
})

describe('an older version', () => {
  it.each([1, 2, 3, 4])('(%i) is read, and written anew in the present one', async (version) => {
    const { journal } = await open()
    await journal.put('a', 1)
    await journal.close()
    const [name] = await readdir(folder)
    const path = join(folder, name!)
    const [first, ...frames] = (await readFile(path, 'utf8')).split('\n')
    const baseFrames = Number(first!.split(' ')[2])
    await writeFile(path, [formatHeader(baseFrames, version).trimEnd(), ...frames].join('\n'))
    expect(Object.fromEntries((await open()).entries)).toEqual({ a: 1 })
    const [newer] = await readdir(folder)
    expect(newer).not.toBe(name)
    expect(await readFile(join(folder, newer!), 'utf8')).toContain(`cloudreve-mount-journal 5 `)
  })
})
