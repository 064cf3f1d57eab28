import { describe, expect, it } from 'vitest'
import { KernelDoubts } from '../../../../src/core/changes/kernel-doubts.ts'
import type { Tree } from '../../../../src/core/tree/index.ts'
import { settle } from '../../../fakes/manual-clock.ts'

/** A tree of `folders` folders, of each of which the kernel is told 100 things. */
function kernelOf(folders: number) {
  const told: number[] = []
  const nodes = Array.from({ length: folders }, (_, i) => ({ ino: i + 1, isFolder: true }))
  const tellDoubt = ({ ino }: { readonly ino: number }) => {
    told.push(ino)
    return 100
  }
  const tree = { table: { nodes: () => [...nodes, { ino: 99_999, isFolder: false }] }, news: { tellDoubt } }
  return { told, doubts: new KernelDoubts(tree as unknown as Tree) }
}

describe('what kernels are told of folders that are doubted', () => {
  it('is told a thousand at a time: programs come in between', async () => {
    const { told, doubts } = kernelOf(25)
    doubts.tell()
    expect(told).toHaveLength(10)
    await settle()
    expect(told.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 25 }, (_, i) => i + 1))
  })

  it('begins anew with each doubt, and is told once at a time', async () => {
    const { told, doubts } = kernelOf(25)
    doubts.tell()
    doubts.tell()
    expect(told).toHaveLength(10)
    await settle()
    expect(told).toHaveLength(35)
    doubts.tell()
    expect(told).toHaveLength(45)
  })

  it('is told no more after the end', async () => {
    const { told, doubts } = kernelOf(25)
    doubts.tell()
    doubts.close()
    await settle()
    expect(told).toHaveLength(10)
  })
})
