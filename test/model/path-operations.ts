import { PosixError } from '../conformance/engine.ts'
import { patterned } from '../conformance/suite.ts'
import { ownXattrs, type Comparison } from './comparison.ts'
import type { Content, OperationOf, PathPick } from './operations.ts'

export type PathOperation = OperationOf<
  | 'writeFile'
  | 'writeAt'
  | 'append'
  | 'truncate'
  | 'copyFile'
  | 'read'
  | 'unlink'
  | 'mkdir'
  | 'rmdir'
  | 'rename'
  | 'link'
  | 'symlink'
  | 'readdir'
  | 'stat'
  | 'readlink'
>
export type AttributeOperation = OperationOf<
  'setxattr' | 'getxattr' | 'removexattr' | 'listxattr' | 'chmod' | 'utimes'
>
export type SaveOperation = OperationOf<'saveAsOffice' | 'saveAsVim'>

export type Resolve = (pick: PathPick) => string

export function bytes({ sizeBytes, seed }: Content): Buffer {
  return patterned(sizeBytes, seed)
}

export async function runOnPath(both: Comparison, operation: PathOperation, resolve: Resolve): Promise<void> {
  const { engine, reference } = both
  const path = resolve(operation.path)
  switch (operation.op) {
    case 'writeFile':
      return writeFile(both, path, bytes(operation.content))
    case 'writeAt':
      return change(both, path, { mode: 'r+', offset: operation.offset, data: bytes(operation.content) })
    case 'append':
      return change(both, path, { mode: 'a', offset: 0, data: bytes(operation.content) })
    case 'truncate':
      return both.both(
        () => engine.truncate(path, operation.sizeBytes),
        () => reference.truncate(path, operation.sizeBytes),
      )
    case 'copyFile':
      return copyFile(both, path, resolve(operation.to))
    case 'read':
      return both.both(
        () => engine.readFile(path),
        () => reference.open(path, 'r').node.content,
      )
    case 'unlink':
    case 'mkdir':
    case 'rmdir':
    case 'readdir':
    case 'readlink':
      return both.both(
        () => engine[operation.op](path),
        () => reference[operation.op](path),
      )
    case 'rename':
      return rename(both, path, resolve(operation.to))
    case 'link': {
      if (engine.semantics.hardLinks) return
      const to = resolve(operation.to)
      return both.both(
        () => engine.link(path, to),
        () => reference.link(path, to),
      )
    }
    case 'symlink':
      if (engine.can.symlinks !== true) return
      return both.both(
        () => engine.symlink(operation.target, path),
        () => reference.symlink(operation.target, path),
      )
    case 'stat':
      return both.statOf(path)
    default:
      return operation satisfies never
  }
}

/** Of one file to another: what else may be there, cp(1) looks at by itself and in its own words. */
async function copyFile({ engine, reference }: Comparison, from: string, to: string): Promise<void> {
  const files = reference.paths('file')
  const isFree = files.includes(to) || !reference.paths('any').includes(to)
  if (!files.includes(from) || !isFree || from === to) return
  await engine.copyFile(from, to)
  const { content } = reference.node(from)
  const target = reference.open(to, 'w')
  reference.write(target, 0, content)
}

/** The server keeps no attributes for the top folder of a drive; whether the folder of a run is that depends on the engine. */
function isTop({ engine, reference }: Comparison, path: string): boolean {
  if (engine.can.facts !== true) return false
  try {
    return reference.node(path) === reference.root
  } catch (error) {
    if (error instanceof PosixError) return false
    throw error
  }
}

export async function runOnAttributes(
  both: Comparison,
  operation: AttributeOperation,
  resolve: Resolve,
): Promise<void> {
  const { engine, reference } = both
  const path = resolve(operation.path)
  const needs = { chmod: 'modes', utimes: 'times' } as const
  const need = operation.op === 'chmod' || operation.op === 'utimes' ? needs[operation.op] : 'xattrs'
  if (engine.can[need] !== true || isTop(both, path)) return
  switch (operation.op) {
    case 'chmod':
      return both.both(
        () => engine.chmod(path, operation.mode),
        () => void (reference.node(path).mode = operation.mode),
      )
    case 'utimes': {
      const mtimeNs = BigInt(operation.mtimeNs)
      return both.both(
        () => engine.utimes(path, mtimeNs, mtimeNs),
        () => void (reference.node(path).setMtimeNs = mtimeNs),
      )
    }
    case 'setxattr': {
      const value = bytes(operation.value)
      return both.both(
        () => engine.setxattr(path, operation.name, value),
        () => reference.setxattr(path, operation.name, value),
      )
    }
    case 'getxattr':
    case 'removexattr':
      return both.both(
        () => engine[operation.op](path, operation.name),
        () => reference[operation.op](path, operation.name),
      )
    case 'listxattr':
      return both.both(
        async () => ownXattrs(await engine.listxattr(path)),
        () => [...reference.node(path, false).xattrs.keys()].sort(),
      )
    default:
      return operation satisfies never
  }
}

/** An editor's save, step by step; steps that both sides refuse are fine. */
export async function runSave(both: Comparison, operation: SaveOperation, resolve: Resolve): Promise<void> {
  const path = resolve(operation.path)
  const data = bytes(operation.content)
  if (operation.op === 'saveAsOffice') {
    const temporary = `${path}.tmp`
    await writeFile(both, temporary, data)
    return rename(both, temporary, path)
  }
  const backup = `${path}~`
  await rename(both, path, backup)
  await writeFile(both, path, data)
  await both.both(
    () => both.engine.unlink(backup),
    () => both.reference.unlink(backup),
  )
}

function writeFile(both: Comparison, path: string, data: Buffer): Promise<void> {
  return both.both(
    () => both.engine.writeFile(path, data),
    () => both.reference.write(both.reference.open(path, 'w'), 0, data),
  )
}

function rename(both: Comparison, from: string, to: string): Promise<void> {
  return both.both(
    () => both.engine.rename(from, to),
    () => both.reference.rename(from, to),
  )
}

interface Change {
  readonly mode: 'r+' | 'a'
  readonly offset: number
  readonly data: Buffer
}

function change(both: Comparison, path: string, { mode, offset, data }: Change): Promise<void> {
  return both.both(
    async () => {
      const handle = await both.engine.open(path, mode)
      try {
        await handle.write(data, offset)
      } finally {
        await handle.close()
      }
    },
    () => both.reference.write(both.reference.open(path, mode), offset, data),
  )
}
