/** What a person asks of a cache folder, with or without a process that uses it. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { nodeFileLayer, type LocalFile } from '../../base/file-layer.ts'
import { headBytes, SegmentHead, shapeIn } from './segment-head.ts'

/** Name of the segment files of a content, without their number. */
export function contentHash(key: string, contentBytes: number): string {
  return createHash('sha256').update(`${key} ${contentBytes}`).digest('hex').slice(0, 32)
}

export interface FoundUsage {
  readonly usedBytes: number
  readonly contents: number
}

export interface Verified {
  readonly files: number
  readonly bytes: number
  /** They were removed. */
  readonly damaged: readonly string[]
}

const segmentName = /^[0-9a-f]{32}\.\d+$/
/** A file that was written to so short ago may be half written, ms. */
const inUseMs = 60_000

/** What lies in a cache folder; nothing where there is none. */
export async function findUsage(folder: string): Promise<FoundUsage> {
  const contents = new Set<string>()
  let usedBytes = 0
  for await (const file of segmentFiles(folder)) {
    usedBytes += (await ifThere(nodeFileLayer.stat(file.path)))?.allocatedBytes ?? 0
    contents.add(file.name.slice(0, file.name.indexOf('.')))
  }
  return { usedBytes, contents: contents.size }
}

/** Reads every block and removes files with bytes that are not those that were written. */
export async function verifyFolder(
  folder: string,
  nowMs: number,
  onFile: (files: number) => void = () => undefined,
): Promise<Verified> {
  const damaged: string[] = []
  let [files, bytes] = [0, 0]
  for await (const { name, path } of segmentFiles(folder)) {
    const found = await ifThere(verifyFile(path, name))
    if (!found) continue
    files += 1
    onFile(files)
    if (found.isSound) bytes += found.bytes
    else if (nowMs - found.modifiedAtMs > inUseMs) {
      await nodeFileLayer.remove(path)
      damaged.push(path)
    }
  }
  return { files, bytes, damaged }
}

/** @requires that no process uses the folder */
export async function emptyFolder(folder: string): Promise<void> {
  for await (const { path } of segmentFiles(folder)) await nodeFileLayer.remove(path)
}

async function* segmentFiles(folder: string): AsyncIterable<{ name: string; path: string }> {
  for (const shard of await nodeFileLayer.list(folder)) {
    if (!/^[0-9a-f]$/.test(shard)) continue
    const names = await nodeFileLayer.list(join(folder, shard))
    for (const name of names) if (segmentName.test(name)) yield { name, path: join(folder, shard, name) }
  }
}

async function verifyFile(
  path: string,
  name: string,
): Promise<{ isSound: boolean; bytes: number; modifiedAtMs: number }> {
  const { modifiedAtMs } = await nodeFileLayer.stat(path)
  const file = await nodeFileLayer.open(path, 'use')
  try {
    const head = await readHead(file, name)
    const isSound = head !== undefined && (await areBlocksSound(file, head))
    return { isSound, bytes: head?.presentBytes ?? 0, modifiedAtMs }
  } finally {
    await file.close()
  }
}

async function readHead(file: LocalFile, name: string): Promise<SegmentHead | undefined> {
  const bytes = Buffer.alloc(headBytes)
  await file.read(bytes, 0)
  const shape = shapeIn(bytes)
  if (!shape || `${contentHash(shape.key, shape.contentBytes)}.${shape.number}` !== name) return undefined
  return SegmentHead.decode(bytes, shape)
}

async function areBlocksSound(file: LocalFile, head: SegmentHead): Promise<boolean> {
  for (let index = 0; index < head.blocks; index += 1) {
    if (!head.has(index)) continue
    const block = Buffer.alloc(head.lengthOf(index))
    await file.read(block, headBytes + index * head.shape.blockBytes)
    if (!head.matches(index, block)) return false
  }
  return true
}

/** undefined: it was removed meanwhile. */
async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
