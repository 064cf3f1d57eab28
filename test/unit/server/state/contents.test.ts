import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FolderContents, MemoryContents, type Contents } from '../../../../src/server/state/contents.ts'

const mebibyte = 1024 * 1024

/** Random writes near the borders of blocks, compared with one flat buffer. */
async function agreesWithFlatBuffer(contents: Contents, entity: number): Promise<void> {
  const size = 2 * mebibyte + 1000
  const near = fc.constantFrom(0, 100_000, mebibyte - 10, mebibyte, 2 * mebibyte - 500)
  const write = fc.tuple(near, fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 800 }))
  const both = fc.tuple(fc.array(write, { maxLength: 20 }), fc.array(write))
  const [writes, reads] = fc.sample(both, { seed: entity, numRuns: 1 })[0]!
  const flat = Buffer.alloc(size)
  for (const [i, [base, skip, length]] of writes.entries()) {
    const bytes = Buffer.alloc(length, i + 1)
    bytes.copy(flat, base + skip)
    await contents.write(entity, base + skip, bytes)
  }
  for (const [base, skip, length] of reads) {
    const start = base + skip
    const got = await contents.read(entity, start, start + length)
    expect(got.equals(flat.subarray(start, start + length))).toBe(true)
  }
}

describe('contents', () => {
  it('in memory read back what was written, and zeros elsewhere', async () => {
    for (let entity = 1; entity <= 30; entity += 1) await agreesWithFlatBuffer(new MemoryContents(), entity)
  })

  it('on disk do the same, one file an entity, and leave nothing after removal', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'contents-'))
    const contents = new FolderContents(join(folder, 'made'))
    for (let entity = 1; entity <= 10; entity += 1) await agreesWithFlatBuffer(contents, entity)
    for (let entity = 1; entity <= 10; entity += 1) await contents.remove(entity)
    expect(readdirSync(join(folder, 'made'))).toEqual([])
    rmSync(folder, { recursive: true })
  })
})
