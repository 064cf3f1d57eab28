/** The system calls of programs that save. */
import { constants } from 'node:fs'
import { patterned } from '../../conformance/suite.ts'

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } = constants
export const fresh = O_RDWR | O_CREAT | O_EXCL

/** One system call. `fd` is the number that the program had. */
export type Call =
  | readonly ['open', fd: number, path: string, flags: number, mode?: number]
  | readonly ['read', fd: number, sizeBytes: number]
  | readonly ['write', fd: number, data: string | Buffer, offset: number]
  | readonly ['ftruncate', fd: number, sizeBytes: number]
  | readonly ['fsync' | 'close', fd: number]
  | readonly ['rename' | 'link', from: string, to: string]
  | readonly ['unlink' | 'mkdir', path: string]
  | readonly ['chmod', path: string, mode: number]
  | readonly ['utimens', path: string, mtimeNs: bigint]

export const first = 'first\n'
export const second = 'second\n'
export const page = (seed: number) => patterned(4096, seed)

export function swapFile(): readonly Call[] {
  return [
    ['open', 4, '.report.txt.swp', fresh, 0o600],
    ['open', 5, '.report.txt.swx', fresh, 0o600],
    ['close', 5],
    ['unlink', '.report.txt.swx'],
    ['close', 4],
    ['unlink', '.report.txt.swp'],
    ['open', 4, '.report.txt.swp', fresh, 0o600],
    ['write', 4, page(1), 0],
    ['chmod', '.report.txt.swp', 0o644],
    ['write', 4, page(2), 4096],
    ['write', 4, page(3), 8192],
    ['fsync', 4],
  ]
}

export function vimWrites(): readonly Call[] {
  return [
    ['open', 3, 'report.txt', O_WRONLY | O_CREAT, 0o644],
    ['ftruncate', 3, 0],
    ['write', 3, second, 0],
    ['fsync', 3],
    ['chmod', 'report.txt', 0o644],
    ['close', 3],
  ]
}

export const swapFileGoes: readonly Call[] = [
  ['write', 4, page(4), 0],
  ['close', 4],
  ['unlink', '.report.txt.swp'],
]

export function emacsKeepsABackup(text = second): readonly Call[] {
  return [
    ['open', 5, 'report.txt', O_RDONLY],
    ['read', 5, text.length],
    ['close', 5],
    ['rename', 'report.txt', 'report.txt~'],
    ['open', 6, 'report.txt', O_WRONLY | O_CREAT | O_EXCL, 0o666],
    ['write', 6, text, 0],
    ['fsync', 6],
    ['close', 6],
    ['chmod', 'report.txt', 0o644],
  ]
}

/** `between`: before the bytes, which are on the disk, take the name. The old one is opened for writing, and left as it is. */
export function gioWrites(text: string, ...between: readonly Call[]): readonly Call[] {
  const access = between.length > 0 ? O_RDWR : O_WRONLY
  return [
    ['open', 3, 'report.txt', access | O_CREAT, 0o666],
    ['open', 4, '.goutputstream-7W8JZ3', O_WRONLY | O_CREAT | O_EXCL, 0o666],
    ['chmod', '.goutputstream-7W8JZ3', 0o644],
    ['close', 3],
    ['write', 4, text, 0],
    ['fsync', 4],
    ...between,
    ['rename', '.goutputstream-7W8JZ3', 'report.txt'],
    ['close', 4],
  ]
}

export function geditKeepsABackup(text = second): readonly Call[] {
  return gioWrites(text, ['link', 'report.txt', 'report.txt~'], ['rename', 'report.txt', 'report.txt~'])
}

export function geditReplacesItsBackup(text = second): readonly Call[] {
  return gioWrites(
    text,
    ['unlink', 'report.txt~'],
    ['link', 'report.txt', 'report.txt~'],
    ['rename', 'report.txt', 'report.txt~'],
  )
}

/** Saves that leave the last content as their backup, and find that of the save before. */
export const savesWithBackup = { emacs: emacsKeepsABackup, gedit: geditReplacesItsBackup }

const officePieces = [page(1), page(2), patterned(394, 3)]
export const officeDocument = Buffer.concat(officePieces)

function officeLock(fd: number): readonly Call[] {
  return [
    ['open', fd, '.~lock.report.odt#', fresh, 0o666],
    ['write', fd, ',una,laptop,30.11.2026 14:03,file:///home/una/.config/libreoffice/4;', 0],
    ['close', fd],
  ]
}

const officeLockGoes: readonly Call[] = [
  ['open', 17, '.~lock.report.odt#', O_RDONLY],
  ['close', 17],
  ['unlink', '.~lock.report.odt#'],
]

/** Opens the document, saves it and closes it. */
export function libreOfficeSaves(): readonly Call[] {
  return [
    ['open', 16, 'report.odt', O_RDWR],
    ...officeLock(20),
    ['open', 19, 'report.odt', O_RDONLY],
    ['read', 19, first.length],
    ['close', 19],
    ['close', 16],
    ...officeLockGoes,
    ['open', 17, 'lu136982epxj.tmp', fresh, 0o600],
    ['close', 17],
    ['open', 17, 'lu136982epxj.tmp', O_RDWR],
    ['open', 19, 'report.odt', O_RDWR],
    ...officeLock(24),
    ['close', 19],
    ...officePieces.map((piece, index): Call => ['write', 17, piece, index * 4096]),
    ['fsync', 17],
    ['close', 17],
    ['rename', 'lu136982epxj.tmp', 'report.odt'],
    ['chmod', 'report.odt', 0o644],
    ['open', 17, 'report.odt', O_RDWR],
    ['fsync', 17],
    ['close', 17],
    ['open', 22, 'report.odt', O_RDWR],
    ['close', 22],
    ...officeLockGoes,
  ]
}

export function looseObject(path: string, seed: number): readonly Call[] {
  const folder = path.slice(0, path.lastIndexOf('/'))
  return [
    ['mkdir', folder],
    ['open', 5, `${folder}/tmp_obj_G5jthh`, fresh, 0o444],
    ['write', 5, patterned(60, seed), 0],
    ['close', 5],
    // Refused here; then git renames.
    ['link', `${folder}/tmp_obj_G5jthh`, path],
    ['rename', `${folder}/tmp_obj_G5jthh`, path],
  ]
}

export function lockedWrite(path: string, data: string): readonly Call[] {
  return [
    ['open', 3, `${path}.lock`, fresh, 0o666],
    ['write', 3, data, 0],
    ['close', 3],
    ['rename', `${path}.lock`, path],
  ]
}

export function appended(path: string, data: string): readonly Call[] {
  return [
    ['open', 3, path, O_WRONLY | O_CREAT | O_APPEND, 0o666],
    ['write', 3, data, 0],
    ['close', 3],
  ]
}
