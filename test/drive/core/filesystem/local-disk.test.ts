import { afterEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { FullDisk } from '../../../fakes/full-disk.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { errnoOf, TestDrive, type OpenedFile } from '../../../fakes/test-drive.ts'

let drive: TestDrive

afterEach(() => drive.stop())

function write({ fh }: OpenedFile, text: string, signal = new AbortController().signal): Promise<number> {
  return drive.fs.write(fh, 0, Buffer.from(text), drive.context({ signal }))
}

async function openWithFirst(): Promise<OpenedFile> {
  drive = await TestDrive.open({ settings: { stagingLimitBytes: 10, quietMs: 3_600_000 } })
  await drive.save('first', '8 bytes!')
  return drive.create('second')
}

describe('--staging-limit', () => {
  it('lets a program wait until uploads have made room, and does not let them rest [F11]', async () => {
    const second = await openWithFirst()
    const gate = drive.remote.script.hold('upload')
    let isDone = false
    const written = write(second, 'more').then(() => {
      isDone = true
    })
    await gate.entered
    await settle()
    expect(isDone).toBe(false)
    gate.release()
    await written
    expect(drive.remote.textAt('first')).toBe('8 bytes!')
    expect(await drive.read(second)).toBe('more')
    await drive.close(second)
  })

  it('holds after a restart', async () => {
    await openWithFirst()
    await drive.crash(() => {
      drive.remote.script.fail('upload', new RemoteError('denied', 'not yours'), 2)
    })
    await drive.drain()
    expect(await errnoOf(write(await drive.create('third'), 'more'))).toBe('ENOSPC')
  })

  it('is ENOSPC where nothing is sent: the server refused what is there [F12]', async () => {
    const second = await openWithFirst()
    drive.remote.script.fail('upload', new RemoteError('denied', 'not yours'))
    expect(await errnoOf(write(second, 'more'))).toBe('ENOSPC')
    expect(await drive.text('first')).toBe('8 bytes!')
    expect(await errnoOf(write(second, 'ok'))).toBe(undefined)
    await drive.close(second)
  })

  it('is ENOSPC where nothing is sent for two minutes: the server is away [F12]', async () => {
    const second = await openWithFirst()
    drive.remote.script.offline = true
    const startedAt = drive.clock.monotonic()
    expect(await drive.during(errnoOf(write(second, 'more')), 1_000)).toBe('ENOSPC')
    expect(drive.clock.monotonic() - startedAt).toBeGreaterThanOrEqual(120_000)
    drive.remote.script.offline = false
    await drive.close(second)
  })

  it('is ENOSPC for a single file that is larger', async () => {
    drive = await TestDrive.open({ settings: { stagingLimitBytes: 10 } })
    const file = await drive.create('large')
    expect(await errnoOf(write(file, '0123456789'))).toBe(undefined)
    expect(await errnoOf(drive.write(file, 'x', 10))).toBe('ENOSPC')
    await drive.close(file)
  })

  it('a program that waits can be interrupted [F11]', async () => {
    const second = await openWithFirst()
    const gate = drive.remote.script.hold('upload')
    const impatient = new AbortController()
    const written = errnoOf(write(second, 'more', impatient.signal))
    await gate.entered
    impatient.abort()
    expect(await written).toBe('EINTR')
    gate.release()
    await drive.close(second)
  })
})

describe('a full disk, at each byte of what is kept of a file', () => {
  const rooms = Array.from({ length: 40 }, (_, i) => i * 29)

  it.each(rooms)(
    'is ENOSPC, and nothing that was acknowledged is lost (%i bytes left) [F12]',
    async (roomBytes) => {
      const disk = new FullDisk()
      drive = await TestDrive.open({ fileLayer: disk })
      await drive.save('before', 'before')
      disk.roomBytes = roomBytes
      let file: OpenedFile | undefined
      let isWritten = false
      const outcome = await errnoOf(
        (async () => {
          file = await drive.create('new')
          await drive.write(file, 'hello')
          isWritten = true
          await drive.fs.flush(file.fh, drive.context())
        })(),
      )
      expect(outcome === undefined || outcome === 'ENOSPC').toBe(true)
      if (file) await drive.fs.release(file.fh)
      disk.roomBytes = Infinity
      await drive.save('after', 'after')
      await drive.crash()
      expect(await drive.text('before')).toBe('before')
      expect(await drive.text('after')).toBe('after')
      if (isWritten) expect(await drive.text('new')).toBe('hello')
      await drive.drain()
      await eventually(() => drive.drive.writeBack.pending().length === 0)
      if (isWritten) expect(drive.remote.textAt('new')).toBe('hello')
      expect(drive.remote.textAt('after')).toBe('after')
    },
  )
})
