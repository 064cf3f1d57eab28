import { constants, readSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nothingInline } from '../../../../src/core/inline/index.ts'
import type { FilePosition } from '../../../../src/core/types.ts'
import { errnoOf, TestDrive, type OpenedFile } from '../../../fakes/test-drive.ts'

let test: TestDrive

beforeEach(async () => {
  test = await TestDrive.open({ inlineLimits: nothingInline }, (remote) => {
    remote.putAsOther('a', 'hello world')
  })
})
afterEach(() => test.stop())

const { O_RDWR, O_WRONLY, O_APPEND } = constants

function at({ fh }: OpenedFile, offset = 0): FilePosition {
  return { fh, offset }
}

function copy(from: FilePosition, to: FilePosition, length: number, signal?: AbortSignal): Promise<number> {
  return test.fs.copyRange(from, to, length, test.context(signal && { signal }))
}

describe('a copied range', () => {
  it('holds the bytes of the server, up to the end of the source', async () => {
    const [source, target] = [await test.open('a'), await test.create('b')]
    expect(await copy(at(source, 6), at(target, 2), 100)).toBe(5)
    expect(await test.read(target)).toBe('\0\0world')
    expect(await copy(at(source, 11), at(target), 100)).toBe(0)
    await test.close(source)
    await test.close(target)
    await test.settleAll()
    expect(test.remote.textAt('b')).toBe('\0\0world')
  })

  it('holds what is not sent yet, also within one file', async () => {
    const file = await test.open('a', O_RDWR)
    await test.write(file, 'HELLO')
    expect(await copy(at(file), at(file, 6), 5)).toBe(5)
    expect(await test.read(file)).toBe('HELLO HELLO')
    expect(await errnoOf(copy(at(file), at(file, 3), 5))).toBe('EINVAL')
    await test.close(file)
  })

  it('is longer than one step, and no longer than a program should wait', async () => {
    const [source, target] = [await test.create('big'), await test.create('copy')]
    const sizeBytes = 65 * 1024 ** 2
    await test.write(source, 'x', sizeBytes - 1)
    await test.write(source, 'marker', 3 * 1024 ** 2 - 3)
    expect(await copy(at(source), at(target), sizeBytes)).toBe(64 * 1024 ** 2)
    expect(await test.read(target, 3 * 1024 ** 2 - 3, 6)).toBe('marker')
    expect(await copy(at(source, 64 * 1024 ** 2), at(target, 64 * 1024 ** 2), sizeBytes)).toBe(1024 ** 2)
    expect(await test.read(target, sizeBytes - 1)).toBe('x')
    await test.close(source)
    await test.close(target)
  })

  it('needs handles that may read, and write at a place', async () => {
    const [reader, writer, appender] = [
      await test.open('a'),
      await test.open('a', O_WRONLY),
      await test.open('a', O_WRONLY | O_APPEND),
    ]
    expect(await errnoOf(copy(at(writer), at(writer, 20), 1))).toBe('EBADF')
    expect(await errnoOf(copy(at(reader), at(reader, 20), 1))).toBe('EBADF')
    expect(await errnoOf(copy(at(reader), at(appender, 20), 1))).toBe('EBADF')
    for (const file of [reader, writer, appender]) await test.close(file)
  })

  it('stops when the program stops waiting', async () => {
    const [source, target] = [await test.create('b'), await test.create('c')]
    await test.write(source, 'text')
    expect(await errnoOf(copy(at(source), at(target), 4, AbortSignal.abort()))).toBe('EINTR')
    await test.close(source)
    await test.close(target)
  })
})

describe('a seek', () => {
  it('finds data everywhere, and one hole: the end', async () => {
    const file = await test.open('a')
    const seek = (offset: number, target: 'data' | 'hole') =>
      test.fs.seek(file.fh, offset, target, test.context())
    expect([await seek(0, 'data'), await seek(10, 'data')]).toEqual([0, 10])
    expect([await seek(0, 'hole'), await seek(10, 'hole')]).toEqual([11, 11])
    expect([await errnoOf(seek(11, 'data')), await errnoOf(seek(11, 'hole'))]).toEqual(['ENXIO', 'ENXIO'])
    await test.close(file)
  })
})

async function allocated(offset: number, length: number, how: { zero: boolean; keepSize: boolean }) {
  const file = await test.open('a', O_RDWR)
  await test.fs.allocate(file.fh, { offset, length, ...how }, test.context())
  const text = await test.read(file)
  await test.close(file)
  await test.settleAll()
  expect(test.remote.textAt('a')).toBe(text)
  return text
}

describe('fallocate', () => {
  it('makes a file reach the end of the range', async () => {
    expect(await allocated(8, 5, { zero: false, keepSize: false })).toBe('hello world\0\0')
  })

  it('changes nothing where the file is long enough, or must not grow', async () => {
    expect(await allocated(0, 5, { zero: false, keepSize: false })).toBe('hello world')
    expect(await allocated(8, 50, { zero: false, keepSize: true })).toBe('hello world')
    expect(test.remote.tree.find(['a'])!.versions.length).toBe(1)
  })

  it('punches a hole, cut at the end', async () => {
    expect(await allocated(2, 3, { zero: true, keepSize: true })).toBe('he\0\0\0 world')
    expect(await allocated(9, 50, { zero: true, keepSize: true })).toBe('he\0\0\0 wor\0\0')
    expect(await allocated(11, 5, { zero: true, keepSize: true })).toBe('he\0\0\0 wor\0\0')
  })

  it('writes zeros, beyond the end too', async () => {
    expect(await allocated(9, 4, { zero: true, keepSize: false })).toBe('hello wor\0\0\0\0')
  })

  it('needs a handle that may write', async () => {
    const file = await test.open('a')
    const allocation = { offset: 0, length: 20, zero: false, keepSize: false }
    expect(await errnoOf(test.fs.allocate(file.fh, allocation, test.context()))).toBe('EBADF')
    await test.close(file)
  })
})

describe('the time of creation', () => {
  it('is what the server says; a file that is not there yet has none', async () => {
    const { createdAtMs } = test.remote.tree.find(['a'])!
    expect((await test.stat('a')).btime).toEqual({
      seconds: Math.floor(createdAtMs / 1000),
      nanoseconds: (createdAtMs % 1000) * 1e6,
    })
    await test.close(await test.create('b'))
    expect((await test.stat('b')).btime).toBeUndefined()
  })
})

describe('bytes that are staged', () => {
  it('can be read straight from their file while somebody has it open', async () => {
    const file = await test.open('a', O_RDWR)
    expect(test.fs.spanOf!(file.fh, 0, 5)).toBeUndefined()
    await test.write(file, 'HELLO')
    const span = test.fs.spanOf!(file.fh, 1, 3)!
    const bytes = Buffer.alloc(span.length)
    readSync(span.fd, bytes, 0, span.length, span.offset)
    expect(bytes.toString()).toBe('ELL')
    expect(test.fs.spanOf!(file.fh, 3, 5)).toBeUndefined() // half of it is at the server only
    await test.close(file)
  })

  it('are cut at the end of the file', async () => {
    const file = await test.create('b')
    await test.write(file, 'text')
    expect(test.fs.spanOf!(file.fh, 2, 100)).toMatchObject({ offset: 2, length: 2 })
    expect(test.fs.spanOf!(file.fh, 4, 100)).toBeUndefined()
    await test.close(file)
  })

  it('serve who only reads, from the second read on', async () => {
    const writer = await test.create('b')
    await test.write(writer, 'text')
    await test.close(writer)
    const reader = await test.open('b')
    expect(await test.read(reader)).toBe('text')
    expect(test.fs.spanOf!(reader.fh, 0, 4)).toMatchObject({ offset: 0, length: 4 })
    await test.close(reader)
  })

  it('are not offered to who may not read', async () => {
    const file = await test.open('a', O_WRONLY)
    await test.write(file, 'HELLO WORLD')
    expect(test.fs.spanOf!(file.fh, 0, 5)).toBeUndefined()
    await test.close(file)
  })

  it('are gone once the server has them', async () => {
    const [file, reader] = [await test.create('b'), await test.open('b')]
    await test.write(file, 'text')
    await test.close(file)
    await test.settleAll()
    expect(test.fs.spanOf!(reader.fh, 0, 4)).toBeUndefined()
    expect(await test.read(reader)).toBe('text')
    await test.close(reader)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })
})
