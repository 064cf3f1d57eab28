import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeFileLayer, type FileLayer } from '../../../../src/base/file-layer.ts'
import { eventually } from '../../../fakes/eventually.ts'
import type { EndingLedger, EndingSession } from '../../../../src/core/write/index.ts'
import { WriteBench, type FakeFile } from '../../../fakes/write-bench.ts'

let bench: WriteBench

beforeEach(async () => {
  bench = await WriteBench.open({ putLimitBytes: 8, chunkBytes: 4 })
})

afterEach(async () => {
  await bench.stop()
  await bench.remove()
})

/** What `kill -9` leaves: the files as they are. */
async function die(): Promise<void> {
  await bench.start()
}

async function lost(): Promise<{ text: string; name: string }[]> {
  return Promise.all(
    bench.writeBack.lostAndFound.map(async ({ storedAt }) => ({
      name: storedAt.slice(bench.folder.length + 1),
      text: await readFile(storedAt, 'utf8'),
    })),
  )
}

describe('after a kill', () => {
  it('finds what was acknowledged, under a readable name, with what is known of it [W35]', async () => {
    const file = bench.newFile('docs/letter.odt')
    await file.write(0, 'dear ')
    await file.append('all')
    await die()
    expect(await lost()).toEqual([
      {
        name: expect.stringMatching(/^lost\+found\/letter \(2026-11-2\d \d\d\.\d\d\)\.odt$/) as unknown,
        text: 'dear all',
      },
    ])
    expect(bench.writeBack.lostAndFound[0]).toMatchObject({
      label: 'docs/letter.odt',
      uri: 'cloudreve://my/docs/letter.odt',
      base: 'absent',
      sizeBytes: 8,
      isComplete: true,
    })
    expect(bench.writeBack.pending()).toEqual([])
    expect((await stat(bench.writeBack.lostAndFound[0]!.storedAt)).mode & 0o777).toBe(0o600)
  })

  it('tells which parts were changed when the rest is only at the server', async () => {
    const file = bench.existingFile('a', '0123456789')
    const { entity } = bench.remote.entryAt('a')
    await file.write(2, 'XY')
    await die()
    expect(bench.writeBack.lostAndFound[0]).toMatchObject({
      base: entity,
      sizeBytes: 10,
      isComplete: false,
      writtenRanges: [[2, 4]],
    })
    expect((await lost())[0]?.text).toBe('\0\0XY\0\0\0\0\0\0')
  })

  it('finds it at the next start too, and two of one name apart', async () => {
    for (const text of ['one', 'two']) {
      await bench.newFile('same').write(0, text)
      await die()
    }
    expect((await lost()).map(({ text }) => text).sort()).toEqual(['one', 'two'])
    await bench.stop()
    await bench.start()
    expect(bench.writeBack.lostAndFound).toHaveLength(2)
    expect(await readdir(bench.stagingFolder)).toEqual([])
  })

  it('knows the name that a file had last', async () => {
    const file = bench.newFile('old-name')
    await file.write(0, 'x')
    file.where = ['new-name']
    await file.content.relabel()
    await die()
    expect(bench.writeBack.lostAndFound[0]?.uri).toBe('cloudreve://my/new-name')
  })

  it('knows a new name from the next write on, also without being told', async () => {
    const file = bench.newFile('old-name')
    await file.write(0, 'x')
    file.where = ['new-name']
    await file.append('y')
    await die()
    expect(bench.writeBack.lostAndFound[0]?.uri).toBe('cloudreve://my/new-name')
  })

  it('keeps nothing of a file that was deleted while open', async () => {
    const file = bench.newFile('a')
    await file.write(0, 'x')
    file.where = undefined
    await file.content.relabel()
    await die()
    expect(bench.writeBack.lostAndFound).toEqual([])
    expect(await readdir(bench.stagingFolder)).toEqual([])
  })

  it('shows no old bytes in holes that a truncation during an upload left', async () => {
    const file = bench.newFile('a')
    await file.write(0, 'secret')
    const gate = bench.remote.hold('upload')
    await bench.clock.advance(500)
    await gate.entered
    await file.content.truncate(0)
    await file.write(8, 'Z')
    await die()
    gate.release()
    expect((await lost())[0]?.text).toBe('\0\0\0\0\0\0\0\0Z')
  })

  it('cancels the upload session that the dead process had open', async () => {
    const file = bench.newFile('a')
    await file.write(0, 'larger than eight bytes')
    const gate = bench.remote.hold('uploadChunk')
    await bench.clock.advance(500)
    await gate.entered
    await die()
    await eventually(() => bench.remote.openSessions === 0)
    gate.release()
    expect((await lost())[0]?.text).toBe('larger than eight bytes')
  })

  it('keeps what is only left to be removed while its session cannot be put on record', async () => {
    let disk: Error | undefined
    const removed: string[] = []
    const gone = new Set<string>()
    await bench.stop()
    await bench.remove()
    bench = await WriteBench.open({
      putLimitBytes: 8,
      chunkBytes: 4,
      gone,
      onRemoved: (ids) => Promise.resolve(void removed.push(...ids)),
      endings: {
        found: new Map(),
        put: () => (disk ? Promise.reject(disk) : Promise.resolve()),
        delete: () => Promise.resolve(),
      },
    })
    const file = bench.newFile('a')
    await file.write(0, 'larger than eight bytes')
    const sending = bench.remote.hold('uploadChunk')
    await bench.clock.advance(500)
    await sending.entered
    gone.add(file.content.stagedId!)
    const cancelling = bench.remote.hold('cancelUpload')
    disk = new Error('ENOSPC')
    await die()
    expect(await readdir(bench.stagingFolder)).toHaveLength(2)
    expect(bench.writeBack.lostAndFound).toEqual([])
    disk = undefined
    await bench.stop()
    expect(removed).toEqual([])
    await die()
    expect(await readdir(bench.stagingFolder)).toEqual([])
    await bench.stop()
    expect(removed).toEqual([...gone])
    cancelling.release()
    sending.release()
  })

  it('cancels it also when the next process dies before it has', async () => {
    const found = new Map<string, EndingSession>()
    const endings: EndingLedger = {
      found,
      put: (key, ending) => Promise.resolve(void found.set(key, ending)),
      delete: (key) => Promise.resolve(void found.delete(key)),
    }
    await bench.stop()
    await bench.remove()
    bench = await WriteBench.open({ putLimitBytes: 8, chunkBytes: 4, endings })
    const file = bench.newFile('a')
    await file.write(0, 'larger than eight bytes')
    const sending = bench.remote.hold('uploadChunk')
    await bench.clock.advance(500)
    await sending.entered
    const cancelling = bench.remote.hold('cancelUpload')
    await die()
    expect((await lost())[0]?.text).toBe('larger than eight bytes')
    expect(found.size).toBe(1)
    bench.remote.hold('cancelUpload').release()
    await die()
    await eventually(() => bench.remote.openSessions === 0 && found.size === 0)
    cancelling.release()
    sending.release()
  })

  it('reads a long side-car with a torn end', async () => {
    const file = bench.newFile('a')
    file.content.retainWriter()
    for (let i = 0; i < 200; i += 1) await file.write(2 * i, 'x')
    file.content.releaseWriter()
    await file.content.fsync()
    await file.append('end')
    const [side] = (await readdir(bench.stagingFolder)).filter((name) => name.endsWith('.side'))
    await writeFile(join(bench.stagingFolder, side!), '\n{"w":[400,5', { flag: 'a' })
    await die()
    expect((await lost())[0]?.text).toBe(`${'x\0'.repeat(199)}xend`)
  })

  it('leaves a staged file of a newer format alone', async () => {
    await bench.stop()
    await writeFile(join(bench.stagingFolder, 'f.side'), '{"version":99}')
    await writeFile(join(bench.stagingFolder, 'f.data'), 'precious')
    await bench.start()
    expect(await readFile(join(bench.stagingFolder, 'f.data'), 'utf8')).toBe('precious')
    expect(bench.writeBack.lostAndFound).toEqual([])
  })
})

describe('fsync', () => {
  it('makes the data, its record and their names survive power loss [W2]', async () => {
    await bench.stop()
    await bench.remove()
    const synced: string[] = []
    const layer: FileLayer = {
      ...nodeFileLayer,
      open: async (path, how) => {
        const file = await nodeFileLayer.open(path, how)
        const datasync = () => {
          synced.push(path.slice(path.lastIndexOf('.')))
          return file.datasync()
        }
        return { ...file, datasync }
      },
      replace: (path, content, durable) => {
        synced.push(durable ? 'durable head' : 'head')
        return nodeFileLayer.replace(path, content, durable)
      },
      syncFolder: (folder) => {
        synced.push('folder')
        return nodeFileLayer.syncFolder(folder)
      },
    }
    bench = await WriteBench.open({ fileLayer: layer })
    const file = bench.newFile('a')
    await file.write(0, 'x')
    expect(synced).toEqual(['head'])
    await file.content.fsync()
    expect(synced.splice(0)).toEqual(['head', '.data', 'folder', '.side'])
    await file.append('y')
    await file.content.fsync()
    expect(synced.splice(0)).toEqual(['.data', '.side'])
    await file.content.relabel()
    expect(synced.splice(0)).toEqual(['.side'])
    await file.content.fsync()
    expect(synced).toEqual([])
  })
})

describe('closing', () => {
  it('leaves what could not be sent for the next start', async () => {
    bench.remote.offline = true
    const file: FakeFile = bench.newFile('a')
    await file.save('kept')
    const flushed = file.content.flushNow()
    await bench.clock.advance(0)
    await eventually(() => file.content.sync.state === 'retrying')
    await Promise.all([bench.stop(), expect(flushed).rejects.toThrow('kept on this machine')])
    bench.remote.offline = false
    await bench.start()
    expect((await lost()).map(({ text }) => text)).toEqual(['kept'])
  })
})
