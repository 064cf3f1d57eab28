import { constants } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import type { CoreSettings } from '../../../../src/core/create-drive.ts'
import type { SyncMode } from '../../../../src/core/filesystem/index.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { errnoOf, TestDrive, type OpenedFile } from '../../../fakes/test-drive.ts'

let drive: TestDrive

async function open(sync: SyncMode, more: Partial<CoreSettings> = {}): Promise<void> {
  drive = await TestDrive.open({ settings: { sync, ...more } }, (remote) => {
    remote.putAsOther('docs/letter', 'old letter')
    remote.putAsOther('docs/other', 'other')
  })
  await drive.names('docs')
}

afterEach(() => drive.stop())

function fsync({ fh }: OpenedFile): Promise<void> {
  return drive.fs.fsync(fh, false, drive.context())
}

function flush({ fh }: OpenedFile, signal = new AbortController().signal): Promise<void> {
  return drive.fs.flush(fh, drive.context({ signal }))
}

describe('--sync=journal', () => {
  it('neither fsync nor close waits for the server [W7][W9]', async () => {
    await open('journal')
    const gate = drive.remote.script.hold('upload')
    const file = await drive.create('docs/new')
    await drive.write(file, 'hello')
    await fsync(file)
    await drive.close(file)
    expect(gate.waiting).toBe(0)
    gate.release()
  })
})

describe('--sync=journal and --sync=fsync', () => {
  it.each(['journal', 'fsync'] as const)(
    'changes by name are sent a moment later (%s) [W9]',
    async (sync) => {
      await open(sync)
      drive.remote.putAsOther('docs/third', 'third')
      await drive.outdate()
      await drive.rename('docs/letter', 'docs/renamed')
      await drive.unlink('docs/other')
      await drive.setattr('docs/third', { sizeBytes: 3 })
      expect(drive.remote.paths()).toEqual(['docs/', 'docs/letter', 'docs/other', 'docs/third'])
      expect(drive.remote.textAt('docs/third')).toBe('third')
      await drive.settleAll()
      expect(drive.remote.paths()).toEqual(['docs/', 'docs/renamed', 'docs/third'])
      expect(drive.remote.textAt('docs/third')).toBe('thi')
    },
  )
})

describe('--sync=fsync and --sync=close', () => {
  it.each(['fsync', 'close'] as const)(
    'fsync ends when the server has the file (%s) [W10][W13]',
    async (sync) => {
      await open(sync)
      const file = await drive.create('docs/new')
      await drive.write(file, 'hello')
      const gate = drive.remote.script.hold('upload')
      let isOver = false
      const synced = fsync(file).then(() => {
        isOver = true
      })
      await gate.entered
      await settle()
      expect(isOver).toBe(false)
      gate.release()
      await synced
      expect(drive.remote.textAt('docs/new')).toBe('hello')
      await drive.close(file)
      await drive.clock.advance(60_000)
      expect(drive.remote.count('upload')).toBe(1)
    },
  )
})

describe('--sync=fsync', () => {
  it('fsync sends a rename of the file that waits', async () => {
    await open('fsync')
    await drive.rename('docs/letter', 'docs/renamed')
    const file = await drive.open('docs/renamed', constants.O_RDONLY)
    await fsync(file)
    expect(drive.remote.paths()).toContain('docs/renamed')
    await drive.close(file)
  })

  it('fsync of a folder sends the renames and removals in it [W11]', async () => {
    await open('fsync')
    const file = await drive.open('docs/other')
    await drive.unlink('docs/other')
    await drive.rename('docs/letter', 'docs/renamed')
    const { fh } = await drive.fs.opendir(await drive.ino('docs'), drive.context())
    expect(drive.remote.paths()).toContain('docs/letter')
    await drive.fs.fsyncdir(fh, drive.context())
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/renamed'])
    await drive.fs.releasedir(fh)
    await drive.close(file)
  })

  it('close does not wait [W12]', async () => {
    await open('fsync')
    await drive.save('docs/new', 'hello')
    expect(drive.remote.count('upload')).toBe(0)
  })
})

describe('--sync=close', () => {
  it('close ends when the server has what was written [W15]', async () => {
    await open('close')
    await drive.save('docs/new', 'hello')
    await drive.save('docs/letter', 'new letter')
    expect(drive.remote.textAt('docs/new')).toBe('hello')
    expect(drive.remote.textAt('docs/letter')).toBe('new letter')
    await drive.clock.advance(60_000)
    expect(drive.remote.count('upload')).toBe(2)
  })

  it('a new file without content is there as well', async () => {
    await open('close')
    await drive.close(await drive.create('docs/empty'))
    expect(drive.remote.textAt('docs/empty')).toBe('')
  })

  it('a file that is only opened, or only read, costs nothing', async () => {
    await open('close')
    await drive.text('docs/letter')
    await drive.close(await drive.open('docs/letter', constants.O_RDWR))
    expect(drive.remote.count('upload')).toBe(0)
  })

  it('a handle that wrote nothing does not wait for another one that did', async () => {
    await open('close')
    const [idle, busy] = [
      await drive.open('docs/letter', constants.O_RDWR),
      await drive.open('docs/letter', constants.O_RDWR),
    ]
    await drive.write(busy, 'new')
    await drive.close(idle)
    expect(drive.remote.count('upload')).toBe(0)
    await drive.close(busy)
    expect(drive.remote.textAt('docs/letter')).toBe('new letter')
  })

  it('the upload starts at the first close; what is written after it is a version of its own [W22]', async () => {
    await open('close')
    const file = await drive.create('docs/new')
    await drive.write(file, 'one')
    await flush(file)
    expect(drive.remote.textAt('docs/new')).toBe('one')
    await drive.write(file, 'two')
    await drive.close(file)
    expect(drive.remote.textAt('docs/new')).toBe('two')
    expect(drive.remote.count('upload')).toBe(2)
    expect(drive.copies()).toEqual([])
  })

  it('what is cut off by the name is at the server too [W16]', async () => {
    await open('close')
    await drive.setattr('docs/letter', { sizeBytes: 3 })
    expect(drive.remote.textAt('docs/letter')).toBe('old')
  })

  it('what is cut off through a handle goes with its close', async () => {
    await open('close')
    const file = await drive.open('docs/letter', constants.O_RDWR)
    await drive.fs.setattr(file.ino, { sizeBytes: 3 }, file.fh, drive.context())
    expect(drive.remote.count('upload')).toBe(0)
    await drive.close(file)
    expect(drive.remote.textAt('docs/letter')).toBe('old')
  })

  it('a rename and the removal of an open file are sent at once [W16]', async () => {
    await open('close')
    const file = await drive.open('docs/other')
    await drive.unlink('docs/other')
    await drive.rename('docs/letter', 'docs/renamed')
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/renamed'])
    expect(await drive.read(file)).toBe('other')
    await drive.close(file)
  })

  it('what is deleted is gone at the server, folders too [W16]', async () => {
    await open('close')
    await drive.mkdir('docs/inside')
    await drive.unlink('docs/other')
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/inside/', 'docs/letter'])
    await drive.rmdir('docs/inside')
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/letter'])
  })

  it('fsync of a folder waits for a removal in it whose own wait was interrupted [W14]', async () => {
    await open('close')
    const gate = drive.remote.script.hold('remove')
    const impatient = new AbortController()
    const docs = await drive.ino('docs')
    const unlinked = errnoOf(drive.fs.unlink(docs, 'other', drive.context({ signal: impatient.signal })))
    await gate.entered
    impatient.abort()
    expect(await unlinked).toBe('EINTR')
    const { fh } = await drive.fs.opendir(docs, drive.context())
    const synced = drive.fs.fsyncdir(fh, drive.context()).then(() => drive.remote.paths())
    await settle()
    gate.release()
    expect(await synced).toEqual(['docs/', 'docs/letter'])
    await drive.fs.releasedir(fh)
  })

  it('a save by rename over stays the same file up to 4 MiB; larger, or after a rename away, it is another [S2]', async () => {
    await open('close')
    const idOf = () => drive.remote.entryAt('docs/letter').id
    const { id } = drive.remote.entryAt('docs/letter')
    await drive.save('docs/tmp', 'by a rename over')
    await drive.rename('docs/tmp', 'docs/letter')
    expect([drive.remote.textAt('docs/letter'), idOf()]).toEqual(['by a rename over', id])
    const large = await drive.create('docs/tmp')
    await drive.write(large, 'x', 4 * 1024 ** 2)
    await drive.close(large)
    await drive.rename('docs/tmp', 'docs/letter')
    const second = idOf()
    expect(second).not.toBe(id)
    await drive.rename('docs/letter', 'docs/letter~')
    await drive.save('docs/letter', 'after a rename away')
    await drive.unlink('docs/letter~')
    expect(idOf()).not.toBe(second)
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/letter', 'docs/other'])
  })

  it('a refusal to delete is the errno, and the file is there again', async () => {
    await open('close')
    drive.remote.script.fail('remove', new RemoteError('denied', 'not yours'))
    expect(await errnoOf(drive.unlink('docs/other'))).toBe('EBUSY')
    expect(await drive.text('docs/other')).toBe('other')
  })

  it('a file that is renamed while it is written is at the server under its new name', async () => {
    await open('close')
    const file = await drive.create('docs/new')
    await drive.write(file, 'hello')
    await drive.rename('docs/new', 'docs/letter')
    expect(drive.remote.textAt('docs/letter')).toBe('hello')
    expect(drive.remote.paths()).not.toContain('docs/new')
    await drive.close(file)
    expect(drive.remote.count('upload')).toBe(1)
  })

  it('a refusal of the server is the errno of close, and the content stays [W20][W21]', async () => {
    await open('close')
    drive.remote.script.fail('upload', new RemoteError('denied', 'not yours'))
    const file = await drive.create('docs/new')
    await drive.write(file, 'hello')
    expect(await errnoOf(flush(file))).toBe('EACCES')
    await drive.fs.release(file.fh)
    expect(await drive.text('docs/new')).toBe('hello')
    expect(drive.drive.top.pending()).toMatchObject([{ label: '/docs/new', state: { state: 'failed' } }])
  })

  it('a program that waits can be interrupted; the upload goes on [W17][W21]', async () => {
    await open('close')
    const gate = drive.remote.script.hold('upload')
    const file = await drive.create('docs/new')
    await drive.write(file, 'hello')
    const impatient = new AbortController()
    const closed = errnoOf(flush(file, impatient.signal))
    await gate.entered
    impatient.abort()
    expect(await closed).toBe('EINTR')
    await drive.fs.release(file.fh)
    gate.release()
    await drive.settleAll()
    expect(drive.remote.textAt('docs/new')).toBe('hello')
    expect(drive.remote.count('upload')).toBe(1)
  })

  it('a server that is away is an error after two minutes, and the file arrives when it is back [W19][W21]', async () => {
    await open('close')
    drive.remote.script.offline = true
    const file = await drive.create('docs/new')
    await drive.write(file, 'hello')
    const startedAt = drive.clock.monotonic()
    const closed = errnoOf(flush(file))
    // First the local disk is waited for, in real time.
    await eventually(() => drive.remote.count('upload') > 0)
    expect(await drive.during(closed, 1_000)).toBe('EHOSTUNREACH')
    expect(drive.clock.monotonic() - startedAt).toBeLessThan(130_000)
    await drive.fs.release(file.fh)
    drive.remote.script.offline = false
    await drive.drain()
    expect(drive.remote.textAt('docs/new')).toBe('hello')
  })

  it('a slow server that goes on taking something is waited for [W18]', async () => {
    await open('close', { uploadConcurrency: 1 })
    let gate = drive.remote.script.hold('upload')
    const files: OpenedFile[] = []
    for (const name of ['one', 'two', 'three', 'four']) {
      const file = await drive.create(name)
      await drive.write(file, name)
      files.push(file)
    }
    const closings = Promise.all(files.map((file) => errnoOf(flush(file))))
    for (const _turn of files) {
      await gate.entered
      await drive.clock.advance(100_000)
      const next = drive.remote.script.hold('upload')
      gate.release()
      gate = next
    }
    expect(await closings).toEqual([undefined, undefined, undefined, undefined])
    gate.release()
  })
})

async function changedDatabase(): Promise<OpenedFile> {
  const file = await drive.create('docs/database')
  await drive.write(file, 'half a transaction')
  await drive.clock.advance(600_000)
  await settle()
  return file
}

describe('a file that stays open', () => {
  it.each(['journal', 'close'] as const)('is sent at intervals (%s) [W64]', async (sync) => {
    await open(sync)
    const file = await changedDatabase()
    await eventually(() => drive.remote.textAt('docs/database') === 'half a transaction')
    await drive.during(drive.close(file))
  })

  it('is sent at fsync only, and after its close, with --sync=fsync [W64]', async () => {
    await open('fsync')
    const file = await changedDatabase()
    expect(drive.remote.count('upload')).toBe(0)
    await drive.write(file, 'a whole transaction')
    await drive.during(fsync(file))
    expect(drive.remote.textAt('docs/database')).toBe('a whole transaction')
    await drive.write(file, 'another one', 19)
    await drive.clock.advance(600_000)
    await settle()
    expect(drive.remote.count('upload')).toBe(1)
    await drive.close(file)
    await drive.settleAll()
    expect(drive.remote.textAt('docs/database')).toBe('a whole transactionanother one')
  })
})
