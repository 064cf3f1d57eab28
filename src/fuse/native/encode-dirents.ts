/** Names of a folder, packed into the room that the kernel has for them. Pure. */
import type { Dirent, Entry } from '../../core/types.ts'
import { DIRENT_TYPE_SHIFT, Size, TypeBits } from './abi.ts'
import { putEntry, putUint64 } from './encode.ts'

/** `.` and `..` come first; the filesystem's own positions follow theirs. */
const DOTS = ['.', '..'] as const

/** What readers may see as `d_ino` when it is not known: 0 would make them skip the name. */
const UNKNOWN_INO = 2 ** 32 - 1

/** The filesystem's position for a position of ours, and which of the two dots are still to come. */
export function fromKernelCookie(cookie: number): { cookie: number; dots: readonly string[] } {
  return { cookie: Math.max(0, cookie - DOTS.length), dots: DOTS.slice(cookie) }
}

/** The most entries that can fit into so many bytes: names of one byte. */
export function maxEntries(roomBytes: number, withAttributes: boolean): number {
  return Math.max(1, Math.floor(roomBytes / paddedSize(headBytes(withAttributes), 1)))
}

/** Fills `room` bytes at most; entries are added until one does not fit. */
export class DirentPacker {
  readonly #bytes: Buffer
  readonly #plus: boolean
  #at = 0

  /** @param plus with the entry of each name: `fuse_direntplus` */
  constructor(roomBytes: number, plus: boolean) {
    this.#bytes = Buffer.alloc(roomBytes)
    this.#plus = plus
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  /** A dot. It has no entry: the kernel knows where it leads. */
  addDot(name: string, ino: number): boolean {
    return this.#add({ name, kind: 'folder' }, ino, name.length)
  }

  /** False when there is no more room. A name with its entry has the number that `stat` shows. */
  add(dirent: Dirent, entry?: Entry): boolean {
    return this.#add(dirent, entry?.attr.ino ?? dirent.ino, dirent.cookie + DOTS.length, entry)
  }

  #add({ name, kind }: Pick<Dirent, 'name' | 'kind'>, ino: number, cookie: number, entry?: Entry): boolean {
    const head = headBytes(this.#plus)
    const nameBytes = Buffer.byteLength(name)
    const size = paddedSize(head, nameBytes)
    const start = this.#at
    if (start + size > this.#bytes.length) return false
    if (entry) putEntry(this.#bytes, start, entry)
    const at = start + head - Size.DIRENT
    putUint64(this.#bytes, at, ino || UNKNOWN_INO)
    putUint64(this.#bytes, at + 8, cookie)
    this.#bytes.writeUInt32LE(nameBytes, at + 16)
    this.#bytes.writeUInt32LE(TypeBits[kind] >> DIRENT_TYPE_SHIFT, at + 20)
    this.#bytes.write(name, at + Size.DIRENT)
    this.#at = start + size
    return true
  }
}

function headBytes(plus: boolean): number {
  return plus ? Size.DIRENTPLUS : Size.DIRENT
}

/** Entries begin at multiples of eight bytes. */
function paddedSize(head: number, nameBytes: number): number {
  return (head + nameBytes + 7) & ~7
}
