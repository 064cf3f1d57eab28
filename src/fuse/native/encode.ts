/** Typed replies to bytes for the kernel. Pure; each answers a whole message, header included, unless it says otherwise. */
import type { Attr, AttrReply, Entry, Fh, StatFs } from '../../core/types.ts'
import { Size, TypeBits } from './abi.ts'

const UINT32 = 2 ** 32
/** What `st_blocks` counts in, whatever the block size. */
export const STAT_BLOCK_BYTES = 512
/** Advice to programs about the size of one read or write. */
export const IO_SIZE_BYTES = 131_072

export interface InitReply {
  readonly minor: number
  readonly maxReadaheadBytes: number
  readonly flags: number
  readonly flags2: number
  readonly maxBackground: number
  readonly congestionThreshold: number
  readonly maxWriteBytes: number
  readonly maxPages: number
}

/** A header alone, in front of `bodyBytes` that are sent from elsewhere. */
export function encodeHeader(unique: number, bodyBytes: number): Buffer {
  return startMessage(unique, Size.OUT_HEADER, bodyBytes)
}

/** "Done", without more. */
export function encodeDone(unique: number): Buffer {
  return startMessage(unique, Size.OUT_HEADER)
}

/** @param errno positive */
export function encodeError(unique: number, errno: number): Buffer {
  const message = startMessage(unique, Size.OUT_HEADER)
  message.writeInt32LE(-errno, 4)
  return message
}

/** Only the major version, when the kernel's is newer: it then asks again in ours. */
export function encodeMajorOnly(unique: number, major: number): Buffer {
  const message = startMessage(unique, Size.OUT_HEADER + Size.INIT_OUT)
  message.writeUInt32LE(major, Size.OUT_HEADER)
  return message
}

export function encodeInit(unique: number, major: number, reply: InitReply): Buffer {
  const message = startMessage(unique, Size.OUT_HEADER + Size.INIT_OUT)
  const at = Size.OUT_HEADER
  message.writeUInt32LE(major, at)
  message.writeUInt32LE(reply.minor, at + 4)
  message.writeUInt32LE(reply.maxReadaheadBytes, at + 8)
  message.writeUInt32LE(reply.flags >>> 0, at + 12)
  message.writeUInt16LE(reply.maxBackground, at + 16)
  message.writeUInt16LE(reply.congestionThreshold, at + 18)
  message.writeUInt32LE(reply.maxWriteBytes, at + 20)
  message.writeUInt32LE(1, at + 24) // times are exact to the nanosecond
  message.writeUInt16LE(reply.maxPages, at + 28)
  message.writeUInt32LE(reply.flags2 >>> 0, at + 32)
  return message
}

export function encodeEntry(unique: number, entry: Entry): Buffer {
  const message = startMessage(unique, Size.OUT_HEADER + Size.ENTRY_OUT)
  putEntry(message, Size.OUT_HEADER, entry)
  return message
}

/** "There is no such name", to be trusted for `ttlMs`. */
export function encodeNegativeEntry(unique: number, ttlMs: number): Buffer {
  const message = startMessage(unique, Size.OUT_HEADER + Size.ENTRY_OUT)
  putTtl(message, Size.OUT_HEADER + 16, Size.OUT_HEADER + 32, ttlMs)
  return message
}

export function encodeAttr(unique: number, { attr, attrTtlMs }: AttrReply): Buffer {
  const message = startMessage(unique, Size.OUT_HEADER + Size.ATTR_OUT)
  putTtl(message, Size.OUT_HEADER, Size.OUT_HEADER + 8, attrTtlMs)
  setAttr(attr)
  message.set(attrBytes, Size.OUT_HEADER + 16)
  return message
}

/** @param flags `OpenReplyFlag` bits */
export function encodeOpened(unique: number, fh: Fh, flags: number): Buffer {
  const message = startMessage(unique, Size.OUT_HEADER + Size.OPEN_OUT)
  putOpened(message, Size.OUT_HEADER, fh, flags)
  return message
}

export function encodeCreated(unique: number, entry: Entry, opened: { fh: Fh; flags: number }): Buffer {
  const message = startMessage(unique, Size.OUT_HEADER + Size.ENTRY_OUT + Size.OPEN_OUT)
  putEntry(message, Size.OUT_HEADER, entry)
  putOpened(message, Size.OUT_HEADER + Size.ENTRY_OUT, opened.fh, opened.flags)
  return message
}

/** How many bytes were written; also how long an extended attribute is: both are a number and padding. */
export function encodeCount(unique: number, count: number): Buffer {
  const message = startMessage(unique, Size.OUT_HEADER + Size.WRITE_OUT)
  message.writeUInt32LE(count, Size.OUT_HEADER)
  return message
}

/** Where a seek ended; also how many bytes were copied: both are one number. */
export function encodeOffset(unique: number, offset: number): Buffer {
  const message = startMessage(unique, Size.OUT_HEADER + Size.LSEEK_OUT)
  putUint64(message, Size.OUT_HEADER, offset)
  return message
}

export function encodeStatfs(unique: number, statfs: StatFs): Buffer {
  const message = startMessage(unique, Size.OUT_HEADER + Size.STATFS_OUT)
  const at = Size.OUT_HEADER
  putUint64(message, at, statfs.totalBlocks)
  putUint64(message, at + 8, statfs.freeBlocks)
  putUint64(message, at + 16, statfs.freeBlocks)
  putUint64(message, at + 24, statfs.files)
  putUint64(message, at + 32, statfs.freeFiles)
  message.writeUInt32LE(statfs.blockSizeBytes, at + 40)
  message.writeUInt32LE(statfs.maxNameBytes, at + 44)
  message.writeUInt32LE(statfs.blockSizeBytes, at + 48)
  return message
}

/**
 * An entry is put together in whole words (zero where nothing is ever written) and copied as one: long listings are made of
 * them, and a checked write for each number takes twice as long.
 */
const entryWords = new Uint32Array(Size.ENTRY_OUT / 4)
const entryBytes = new Uint8Array(entryWords.buffer)
const ATTR_WORD = 10
const attrBytes = entryBytes.subarray(ATTR_WORD * 4)

/** Writes a `fuse_entry_out` of `Size.ENTRY_OUT` bytes. */
export function putEntry(target: Buffer, at: number, entry: Entry): void {
  setUint64(0, entry.ino)
  setUint64(2, entry.generation)
  setTtl(4, 8, entry.entryTtlMs)
  setTtl(6, 9, entry.attrTtlMs)
  setAttr(entry.attr)
  target.set(entryBytes, at)
}

function setUint64(word: number, value: number): void {
  entryWords[word] = value
  entryWords[word + 1] = Math.floor(value / UINT32)
}

function setTtl(secondsWord: number, nanosecondsWord: number, ttlMs: number): void {
  const seconds = Math.floor(ttlMs / 1000)
  setUint64(secondsWord, seconds)
  entryWords[nanosecondsWord] = Math.round((ttlMs - seconds * 1000) * 1e6)
}

/** Seconds before 1970 become two's complement. */
function setAttr(attr: Attr): void {
  setUint64(ATTR_WORD, attr.ino)
  setUint64(ATTR_WORD + 2, attr.sizeBytes)
  setUint64(ATTR_WORD + 4, Math.ceil(attr.sizeBytes / STAT_BLOCK_BYTES))
  setUint64(ATTR_WORD + 6, attr.atime.seconds)
  setUint64(ATTR_WORD + 8, attr.mtime.seconds)
  setUint64(ATTR_WORD + 10, attr.ctime.seconds)
  entryWords[ATTR_WORD + 12] = attr.atime.nanoseconds
  entryWords[ATTR_WORD + 13] = attr.mtime.nanoseconds
  entryWords[ATTR_WORD + 14] = attr.ctime.nanoseconds
  entryWords[ATTR_WORD + 15] = TypeBits[attr.kind] | attr.mode
  entryWords[ATTR_WORD + 16] = attr.nlink
  entryWords[ATTR_WORD + 17] = attr.uid
  entryWords[ATTR_WORD + 18] = attr.gid
  entryWords[ATTR_WORD + 20] = IO_SIZE_BYTES
}

/** `>>>` takes the lower half: a remainder of floating point numbers is many times as slow. */
export function putUint64(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value >>> 0, at)
  target.writeUInt32LE(Math.floor(value / UINT32), at + 4)
}

/** One memory for all messages of a size: to make one for each would cost more than to write it. */
const memories: { readonly bytes: Buffer; readonly words: Uint32Array }[] = []

/** A zeroed message of `sizeBytes` whose header says so, and `unique`. The next of its size is made in its place. */
export function startMessage(unique: number, sizeBytes: number, moreBytes = 0): Buffer {
  const { bytes, words } = (memories[sizeBytes] ??= makeMemory(sizeBytes))
  for (let word = 0; word < words.length; word += 1) words[word] = 0
  words[0] = sizeBytes + moreBytes
  words[2] = unique
  words[3] = Math.floor(unique / UINT32)
  return bytes
}

function makeMemory(sizeBytes: number) {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4))
  return { bytes: Buffer.from(words.buffer, 0, sizeBytes), words }
}

function putOpened(target: Buffer, at: number, fh: Fh, flags: number): void {
  putUint64(target, at, fh)
  target.writeUInt32LE(flags, at + 8)
}

export function putTtl(target: Buffer, secondsAt: number, nanosecondsAt: number, ttlMs: number): void {
  const seconds = Math.floor(ttlMs / 1000)
  putUint64(target, secondsAt, seconds)
  target.writeUInt32LE(Math.round((ttlMs - seconds * 1000) * 1e6), nanosecondsAt)
}

/** Before 1970 the number is negative, in two's complement. */
export function putSeconds(target: Buffer, at: number, seconds: number): void {
  target.writeUInt32LE(seconds >>> 0, at)
  target.writeInt32LE(Math.floor(seconds / UINT32), at + 4)
}
