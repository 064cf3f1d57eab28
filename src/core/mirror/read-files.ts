/** The files of a record log, as an earlier process left them. */
import { join } from 'node:path'
import type { FileLayer } from '../../base/file-layer.ts'
import type { Log } from '../../base/log.ts'
import { headerBytes, mirrorVersion, readRecord, versionIn } from './record-frame.ts'

export interface FoundRecord {
  readonly key: string
  readonly weight: number
  readonly start: number
  readonly length: number
  readonly isRemoved: boolean
}

export interface FoundFile {
  readonly path: string
  readonly number: number
  readonly sizeBytes: number
  /** In order. */
  readonly records: readonly FoundRecord[]
}

export function fileName(number: number): string {
  return `mirror-${number}`
}

export function numberIn(name: string): number | undefined {
  const match = /^mirror-(\d{1,15})$/.exec(name)
  return match ? Number(match[1]) : undefined
}

/** In order. None, and none is left, where anything is wrong with one of them: what came after it would be missing. */
export async function readFiles({
  folder,
  layer,
  log,
}: {
  readonly folder: string
  readonly layer: FileLayer
  readonly log: Log
}): Promise<FoundFile[]> {
  const names = await layer.list(folder)
  const numbers = names.map(numberIn).filter((number) => number !== undefined)
  const found: FoundFile[] = []
  for (const number of numbers.sort((a, b) => a - b)) {
    const path = join(folder, fileName(number))
    const file = readFile(path, number, await layer.readWhole(path))
    if (typeof file === 'string') {
      log.warn(`what was known of the drive is thrown away, and asked for anew: ${file}`, { path })
      await removeFiles(layer, folder)
      return []
    }
    found.push(file)
  }
  return found
}

/** A sentence where it is of no use. */
function readFile(path: string, number: number, bytes: Buffer): FoundFile | string {
  const records: FoundRecord[] = []
  const found = { path, number, sizeBytes: bytes.length, records }
  if (bytes.length < headerBytes) return found // its process ended while it began it
  const version = versionIn(bytes)
  if (version === undefined) return 'a file of the mirror is damaged'
  if (version > mirrorVersion) return 'the mirror was made by a newer version of cloudreve-mount'
  for (let start = headerBytes; start < bytes.length;) {
    const record = readRecord(bytes, start)
    if (record === 'damaged') return 'a file of the mirror is damaged'
    if (record === 'torn') break // its process ended while it wrote it
    const { key, weight, length, value } = record
    records.push({ key, weight, start, length, isRemoved: value === undefined })
    start += length
  }
  return found
}

/** Those of which `isMeant` says so. */
export async function removeFiles(
  layer: FileLayer,
  folder: string,
  isMeant: (number: number) => boolean = () => true,
): Promise<void> {
  for (const name of await layer.list(folder)) {
    const number = numberIn(name)
    if (number !== undefined && isMeant(number)) await layer.remove(join(folder, name))
  }
}
