import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { Opcode } from '../../../../src/fuse/native/abi.ts'
import { DecodeError } from '../../../../src/fuse/native/byte-reader.ts'
import { decodeBody, decodeHeader, isOneWay } from '../../../../src/fuse/native/decode.ts'
import type { Request } from '../../../../src/fuse/native/requests.ts'
import { frame } from '../../../fakes/memory-channel.ts'
import { golden } from './golden-requests.ts'
import { hex } from './hex.ts'

function decode(opcode: number, body: Buffer, ino = 7): Request {
  const message = frame(opcode, 2, ino, body)
  return decodeBody(decodeHeader(message), message)
}

function errnoOf(opcode: number, body: Buffer): number {
  try {
    decode(opcode, body)
  } catch (error) {
    if (error instanceof DecodeError) return error.errno
    throw error
  }
  throw new Error('it was understood')
}

describe('a request', () => {
  it('has a header', () => {
    const message = hex(`
      2d000000 01000000 # length, LOOKUP
      02000000 01000000 # unique 2^32 + 2
      01000000 00000000 # nodeid
      e8030000 64000000 # uid, gid
      92100000 00000000 # pid, extensions, -
      6e616d65 00`)
    expect(decodeHeader(message)).toEqual({
      lengthBytes: 45,
      opcode: Opcode.LOOKUP,
      unique: 2 ** 32 + 2,
      ino: 1,
      uid: 1000,
      gid: 100,
      pid: 4242,
      extensionBytes: 0,
    })
  })

  it.each(golden)('%s says what its bytes say', (_name, opcode, bytes, says) => {
    expect(decode(opcode, hex(bytes))).toEqual(says)
  })

  it('every operation of the protocol has golden bytes, but for shared memory, which is never offered', () => {
    const covered = new Set(golden.map(([, opcode]) => opcode))
    const missing = Object.entries(Opcode).filter(([, opcode]) => !covered.has(opcode))
    expect(missing.map(([name]) => name)).toEqual(['SETUPMAPPING', 'REMOVEMAPPING'])
  })

  it.each(golden.filter(([, , bytes, { op }]) => hex(bytes).length > 0 && op !== 'refused'))(
    '%s that is cut anywhere is refused',
    (_name, opcode, bytes, says) => {
      const whole = hex(bytes)
      const needed = neededBytes(says, whole.length)
      for (let length = 0; length < needed; length += 1) {
        expect(errnoOf(opcode, whole.subarray(0, length)), `${length} bytes`).toBe(Errno.EINVAL)
      }
    },
  )

  it('extensions behind a request are no part of it', () => {
    const message = frame(Opcode.SETXATTR, 2, 7, hex('01000000 00000000 6100 78 ffffffffffffffff'))
    message.writeUInt16LE(1, 36)
    const says = { op: 'setxattr', name: 'a', mode: 'either', value: Uint8Array.of(0x78) }
    expect(decodeBody(decodeHeader(message), message)).toEqual(says)
  })

  it('a value of an extended attribute is a copy: it outlives the request', () => {
    const message = frame(Opcode.SETXATTR, 2, 7, hex('01000000 00000000 6100 78'))
    const says = decodeBody(decodeHeader(message), message)
    message.fill(0xa5)
    expect(says).toMatchObject({ value: Uint8Array.of(0x78) })
  })

  it('what a program is told of a number that is too large', () => {
    const huge = '00000000 00002000' // 2^53
    expect(errnoOf(Opcode.READ, hex(`${huge} 00 ${'00'.repeat(31)}`))).toBe(Errno.EINVAL)
    expect(errnoOf(Opcode.READ, hex(`01000000 00000000 ${huge} ${'00'.repeat(24)}`))).toBe(Errno.EFBIG)
    const end = 'ffffffff ffff1f00' // 2^53 - 1
    expect(errnoOf(Opcode.WRITE, hex(`01000000 00000000 ${end} 01000000 ${'00'.repeat(20)} 61`))).toBe(
      Errno.EFBIG,
    )
    expect(errnoOf(Opcode.SETATTR, hex(`08000000 ${'00'.repeat(12)} ${huge} ${'00'.repeat(64)}`))).toBe(
      Errno.EFBIG,
    )
    expect(errnoOf(Opcode.FALLOCATE, hex(`01000000 00000000 ${end} 01000000 ${'00'.repeat(12)}`))).toBe(
      Errno.EFBIG,
    )
    const past = '00000000 0000e07f'
    expect(errnoOf(Opcode.SETATTR, hex(`20000000 ${'00'.repeat(36)} ${past} ${'00'.repeat(40)}`))).toBe(
      Errno.EINVAL,
    )
    // lseek(2): data is looked for beyond the end of the file, wherever that is.
    expect(errnoOf(Opcode.LSEEK, hex(`${'00'.repeat(8)} ${huge} 03000000 00000000`))).toBe(Errno.ENXIO)
    const second = `00ca9a3b` // 10^9 ns
    expect(errnoOf(Opcode.SETATTR, hex(`20000000 ${'00'.repeat(56)} ${second} ${'00'.repeat(28)}`))).toBe(
      Errno.EINVAL,
    )
  })

  it.each(['', '2e', '2e2e', '612f62'])('a name %s (hexadecimal) is refused', (digits) => {
    expect(errnoOf(Opcode.MKDIR, hex(`ed010000 00000000 ${digits} 00`))).toBe(Errno.EINVAL)
  })

  it('a name that is not UTF-8 is refused where it would be made', () => {
    for (const bytes of ['ff', 'c3', 'c0af', 'eda080', 'f5808080']) {
      expect(errnoOf(Opcode.MKDIR, hex(`ed010000 00000000 ${bytes} 00`)), bytes).toBe(Errno.EILSEQ)
    }
  })

  it('a batch whose count does not fit its length is refused', () => {
    expect(errnoOf(Opcode.BATCH_FORGET, hex('ffffffff 00000000'))).toBe(Errno.EINVAL)
  })

  it('a message that is shorter than it says, or than its header, is refused', () => {
    const message = frame(Opcode.STATFS, 2, 1, Buffer.alloc(0))
    for (const lengthBytes of [41, 39, 0]) {
      message.writeUInt32LE(lengthBytes, 0)
      expect(() => decodeHeader(message), `${lengthBytes} bytes`).toThrow(DecodeError)
    }
  })
})

describe('random bytes', () => {
  const opcodes = fc.oneof(fc.constantFrom<number>(...Object.values(Opcode)), fc.nat())

  it('are a request or a DecodeError, never anything else', () => {
    fc.assert(
      fc.property(opcodes, fc.uint8Array({ maxLength: 200 }), fc.nat(40), (opcode, bytes, extension) => {
        const message = frame(opcode, 2, 7, Buffer.from(bytes))
        message.writeUInt16LE(extension % 4 === 0 ? extension : 0, 36)
        try {
          expect(decodeBody(decodeHeader(message), message).op).toBeTypeOf('string')
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
          expect(isOneWay(opcode)).toBeTypeOf('boolean')
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it('are no header unless they are one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodeHeader(Buffer.from(bytes))
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
        }
      }),
    )
  })
})

/** How much of a request must be there: some carry numbers at their end that we do not read. */
function neededBytes({ op }: Request, length: number): number {
  const unread: Readonly<Record<string, number>> = {
    flush: 16,
    release: 16,
    releasedir: 16,
    fsyncdir: 8,
    fsync: 4,
    listxattr: 4,
    opendir: 8,
    init: length - 16,
    lookup: 0,
  }
  return length - (unread[op] ?? 0)
}
