import { describe, expect, it } from 'vitest'
import type { FileId } from '../../../../src/remote/types.ts'
import { NodeTable } from '../../../../src/core/inode/index.ts'
import { MemoryRemote } from '../../../fakes/memory-remote.ts'

function bench() {
  const remote = new MemoryRemote()
  const file = remote.putAsOther('d/f', 'x')
  const folder = remote.entryAt('d')
  const table = new NodeTable({ ...folder, id: 'root' as FileId, name: '' })
  return { table, file, folder }
}

describe('the node table', () => {
  it('keeps folders for as long as something below is referred to, and lets all go together', () => {
    const { table, file, folder } = bench()
    const above = table.addRemote(table.root, folder, 'folder')
    const node = table.addRemote(above, file, 'file')
    table.addLookup(node)
    table.release(above)
    expect(table.byId(folder.id)).toBe(above)
    table.checkInvariants()
    table.forget(node.ino, 1)
    expect([table.size, table.byId(file.id), table.byId(folder.id)]).toEqual([1, undefined, undefined])
  })

  it('answers the same file number after a file was forgotten, also for one that was made here', () => {
    const { table, file } = bench()
    const made = table.addLocal(table.root, file.name)
    table.bind(made, file)
    table.release(made)
    const again = table.addRemote(table.root, file, 'file')
    expect(again.ino).not.toBe(made.ino)
    expect(again.stableIno).toBe(made.stableIno)
  })

  it('takes a count below zero for nothing, and never lets the top folder go', () => {
    const { table, file } = bench()
    const node = table.addRemote(table.root, file, 'file')
    node.pins += 1
    table.forget(node.ino, 5)
    expect([node.lookups, table.size]).toEqual([0, 2])
    table.forget(table.root.ino, 100)
    expect(table.get(table.root.ino)).toBe(table.root)
  })

  it('says of a folder that it is needed while something in it is unsent or open for writing', () => {
    const { table, file, folder } = bench()
    const above = table.addRemote(table.root, folder, 'folder')
    const node = table.addRemote(above, file, 'file')
    expect(above.isNeeded).toBe(false)
    node.writers += 1
    expect(above.isNeeded).toBe(true)
    node.writers -= 1
    table.addLocal(above, 'new')
    expect(above.isNeeded).toBe(true)
  })
})
