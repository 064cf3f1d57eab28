import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findProgram } from '../../../src/fuse/find-program.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'find-program-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function put(path: string, mode: number): string {
  const file = join(folder, path)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, '')
  chmodSync(file, mode)
  return file
}

describe('a program', () => {
  it('is the first on the path that may be started', async () => {
    put('a/mounter', 0o644)
    const there = put('b/mounter', 0o755)
    put('c/mounter', 0o755)
    const path = ['a', '', 'b', 'c'].map((name) => name && join(folder, name)).join(':')
    expect(await findProgram('mounter', path)).toEqual({ path: there, isSetuidRoot: false })
  })

  it('that is nowhere is not found, also with an empty path', async () => {
    expect(await findProgram('mounter', folder)).toBeUndefined()
    expect(await findProgram('mounter', '')).toBeUndefined()
  })

  it('behind a link is judged by what the link points to', async () => {
    const file = put('real', 0o4755)
    symlinkSync(file, join(folder, 'mounter'))
    const found = await findProgram('mounter', folder)
    expect(found).toEqual({ path: join(folder, 'mounter'), isSetuidRoot: process.getuid?.() === 0 })
  })
})
