import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeFileLayer, type FileLayer, type LocalFile } from '../../../../src/base/file-layer.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { WriteBench, type FakeFile } from '../../../fakes/write-bench.ts'

let bench: WriteBench

beforeEach(async () => {
  bench = await WriteBench.open()
})

afterEach(async () => {
  await bench.stop()
  await bench.remove()
})

/** A file on a local disk that calls `onCreate`, once, when there is to be a staged file. */
async function fileOn(onCreate: () => void): Promise<FakeFile> {
  let isCreated = false
  const layer = {
    ...nodeFileLayer,
    open(...words: Parameters<FileLayer['open']>): Promise<LocalFile> {
      const isFirst = words[1] === 'create' && !isCreated
      if (isFirst) isCreated = true
      return isFirst
        ? Promise.resolve()
            .then(onCreate)
            .then(() => nodeFileLayer.open(...words))
        : nodeFileLayer.open(...words)
    },
  }
  await bench.stop()
  await bench.remove()
  bench = await WriteBench.open({ fileLayer: layer })
  return bench.existingFile('a', 'old text')
}

/** The one file beside. */
function copyPath(): string {
  const copies = bench.remote.paths().filter((path) => path.includes('conflict'))
  expect(copies).toHaveLength(1)
  return copies[0] ?? ''
}

describe('conflicts', () => {
  it('keep both: the server version at the name, ours beside [C1]', async () => {
    const file = bench.existingFile('d/report.odt', 'old')
    await file.save('mine')
    bench.remote.putAsOther('d/report.odt', 'theirs')
    await bench.settleAll(file)
    expect(bench.remote.textAt('d/report.odt')).toBe('theirs')
    const copy = bench.remote.paths().find((path) => path.includes('conflict'))!
    expect(copy).toMatch(/^d\/report \(conflict 2026-11-2\d \d\d\.\d\d laptop\)\.odt$/)
    expect(bench.remote.textAt(copy)).toBe('mine')
    expect(file.displacements.map(({ copy, current }) => [copy.name, current.entity])).toEqual([
      [copy.slice(2), bench.remote.entryAt('d/report.odt').entity],
    ])
    expect(await file.text()).toBe('theirs')
    expect(file.confirmations).toEqual([])
  })

  it('with a version that comes while the first change begins mix nothing of the two [C1]', async () => {
    const file = await fileOn(() => file.content.adoptClean(bench.remote.putAsOther('a', 'theirs, longer')))
    await file.content.truncate(3)
    expect(await file.text()).toBe('old')
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('theirs, longer')
    expect(bench.remote.textAt(copyPath())).toBe('old')
  })

  it('are none where such a change is refused by the local disk: then the other version shows', async () => {
    const file = await fileOn(() => {
      file.content.adoptClean(bench.remote.putAsOther('a', 'theirs, longer'))
      throw new Error('the disk is gone')
    })
    const before = file.changes
    await expect(file.content.truncate(3)).rejects.toThrow('the disk is gone')
    expect(await file.text()).toBe('theirs, longer')
    expect(file.changes).toBeGreaterThan(before)
  })

  it('are none when both wrote the same', async () => {
    const file = bench.existingFile('a', 'old')
    await file.save('same')
    const theirs = bench.remote.putAsOther('a', 'same')
    await bench.settleAll(file)
    expect(bench.remote.paths()).toEqual(['a'])
    expect(file.content.base).toBe(theirs.entity)
    expect(file.confirmations.map(({ entity }) => entity)).toEqual([theirs.entity])
  })

  it.each(['absent', 'old'])('that passed by (%s) are tried again with a pause', async (before) => {
    const file = before === 'absent' ? bench.newFile('a') : bench.existingFile('a', before)
    if (before === 'absent') await bench.remote.createFile(['a'], {})
    await file.save('mine')
    bench.remote.fail('upload', new RemoteError('stale', 'changed'), 2)
    await bench.clock.advance(500)
    await eventually(() => file.content.sync.state === 'retrying')
    expect(bench.remote.count('upload')).toBe(1)
    await bench.clock.advance(100)
    await eventually(() => bench.remote.count('upload') === 2 && bench.remote.count('info') === 2)
    await bench.clock.advance(60_000)
    await bench.synced(file)
    expect(bench.remote.paths()).toEqual(['a'])
    expect(bench.remote.textAt('a')).toBe('mine')
  })

  it('with a file that was emptied to nothing replace that nothing', async () => {
    const file = bench.existingFile('a', 'old')
    await file.save('mine')
    bench.remote.removeAsOther('a')
    await bench.remote.createFile(['a'], {})
    await bench.settleAll(file)
    expect(bench.remote.paths()).toEqual(['a'])
    expect(bench.remote.textAt('a')).toBe('mine')
  })

  it('two new files of one name', async () => {
    const file = bench.newFile('a')
    await file.save('mine')
    bench.remote.putAsOther('a', 'theirs')
    await bench.settleAll(file)
    expect(bench.remote.paths()).toHaveLength(2)
    expect(bench.remote.textAt('a')).toBe('theirs')
  })

  it('take the next number when the name beside is taken', async () => {
    const first = bench.existingFile('a', 'old')
    const second = bench.newFile('a')
    await first.save('first')
    bench.remote.putAsOther('a', 'theirs')
    await bench.settleAll(first)
    await second.save('second')
    await bench.settleAll(second)
    const copies = bench.remote.paths().filter((path) => path.includes('conflict'))
    expect(copies.map((path) => bench.remote.textAt(path))).toEqual(['second', 'first'])
    expect(copies[0]).toContain(' 2)')
  })

  it('go on in the copy while the file is still being written', async () => {
    const file = bench.existingFile('log', 'old')
    file.content.retainWriter()
    await file.append(' one')
    bench.remote.putAsOther('log', 'theirs')
    const gate = bench.remote.hold('upload')
    await bench.clock.advance(60_000)
    await gate.entered
    await file.append(' two')
    gate.release()
    await eventually(() => file.displacements.length === 1)
    file.content.releaseWriter()
    await bench.settleAll(file)
    const copy = bench.remote.paths().find((path) => path.includes('conflict'))!
    expect(bench.remote.paths()).toHaveLength(2)
    expect(bench.remote.textAt(copy)).toBe('old one two')
    expect(bench.remote.textAt('log')).toBe('theirs')
    expect(await file.text()).toBe('theirs')
  })
})

describe('a file that stays open for writing after a conflict', () => {
  let file: FakeFile

  beforeEach(async () => {
    file = bench.existingFile('log', 'old')
    file.content.retainWriter()
    await file.append(' one')
    bench.remote.putAsOther('log', 'theirs')
    await file.content.flushNow()
  })

  it('is never mixed into the other version', async () => {
    expect(file.content.isDirty).toBe(false)
    expect(bench.writeBack.pending()).toEqual([])
    expect(await file.text()).toBe('old one')
    await file.append(' two')
    file.content.releaseWriter()
    await bench.settleAll(file)
    expect(bench.remote.paths()).toHaveLength(2)
    expect(bench.remote.textAt(copyPath())).toBe('old one two')
    expect(bench.remote.textAt('log')).toBe('theirs')
    expect(await file.text()).toBe('theirs')
  })

  it('shows the other version when it is closed without another change', async () => {
    file.content.adoptClean(bench.remote.putAsOther('log', 'theirs again'))
    expect(await file.text()).toBe('old one')
    file.content.releaseWriter()
    expect(await file.text()).toBe('theirs again')
    await file.save('mine, knowing theirs')
    await bench.settleAll(file)
    expect(bench.remote.textAt('log')).toBe('mine, knowing theirs')
    expect(bench.remote.textAt(copyPath())).toBe('old one')
    expect(file.displacements).toHaveLength(1)
  })

  it('can be discarded', async () => {
    await file.append(' two')
    await file.content.discard()
    expect(await file.text()).toBe('theirs')
    file.content.releaseWriter()
    await bench.clock.advance(1000)
    expect(bench.remote.textAt(copyPath())).toBe('old one')
  })
})
