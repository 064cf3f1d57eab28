import { describe, expect, it } from 'vitest'
import { PendingStates } from '../../../../src/core/filesystem/index.ts'
import { NodeTable, type Node } from '../../../../src/core/inode/index.ts'
import type { JournalChange } from '../../../../src/core/journal/index.ts'
import type { FileId } from '../../../../src/remote/types.ts'
import { remoteFolder } from '../../../fakes/remote-entry.ts'

/** A journal that is as fast as can be. */
class MemoryJournal {
  readonly labels: string[] = []
  position = 0
  readonly #keys = new Set<string>()
  /** A record has just been written. */
  onWritten = (): void => undefined

  async change(changes: readonly JournalChange[]): Promise<void> {
    for (const { key, value } of changes) {
      if (value === undefined) this.#keys.delete(key)
      else this.#keys.add(key)
      if (typeof value === 'object') this.labels.push((value as { label: string }).label)
    }
    this.position += 1
    this.onWritten()
  }

  get keys(): string[] {
    return [...this.#keys]
  }

  async sync(): Promise<void> {}
}

async function afterTurns(turns: number): Promise<void> {
  for (let i = 0; i < turns; i += 1) await Promise.resolve()
}

function changed(table: NodeTable, name: string): Node {
  const node = table.addLocal(table.root, name)
  node.unsent.patches.set('k', { key: 'k', value: 'v' })
  return node
}

describe('what programs were told', () => {
  it('is on record when that is said, at whatever moment of another record it was changed', async () => {
    for (let turns = 0; turns < 30; turns += 1) {
      const journal = new MemoryJournal()
      const pending = new PendingStates({ journal })
      const table = new NodeTable(remoteFolder({ name: '' }))
      const first = changed(table, 'first')
      const second = changed(table, 'second')
      const isWritten = new Promise<void>((resolve) => (journal.onWritten = resolve))
      pending.touch(first)
      await isWritten
      await afterTurns(turns)
      pending.touch(second)
      await pending.written()
      expect(journal.labels, `after ${turns} turns`).toEqual(['/first', '/second'])
    }
  })

  it('ends on record at once, with a note of the folders that are not settled, until they are', async () => {
    const journal = new MemoryJournal()
    const known = { unsettled: ['d1', 'd2'] as FileId[], settled: () => settled }
    let settle: (() => void) | undefined
    let settled: Promise<void> | undefined = new Promise((resolve) => (settle = resolve))
    const pending = new PendingStates({ journal, known })
    const table = new NodeTable(remoteFolder({ name: '' }))
    const node = changed(table, 'first')
    pending.touch(node)
    await pending.written()
    expect(journal.keys).toHaveLength(1)
    node.unsent.patches.clear()
    pending.touch(node)
    await pending.written()
    expect([...journal.keys]).toEqual(['unsettled:d1', 'unsettled:d2'])
    const other = changed(table, 'second')
    pending.touch(other)
    await pending.written()
    // Changed once more before it was settled.
    const former = settle
    known.unsettled = ['d1'] as FileId[]
    settled = new Promise((resolve) => (settle = resolve))
    other.unsent.patches.clear()
    pending.touch(other)
    await pending.written()
    former?.()
    await new Promise((resolve) => setImmediate(resolve))
    expect([...journal.keys]).toEqual(['unsettled:d1'])
    settle?.()
    await pending.ended()
    expect([...journal.keys]).toEqual([])
  })

  it('is recorded as it is at the end of the turn', async () => {
    const journal = new MemoryJournal()
    const pending = new PendingStates({ journal })
    const table = new NodeTable(remoteFolder({ name: '' }))
    const node = changed(table, 'first')
    pending.touch(node)
    await afterTurns(30)
    node.moveTo(table.root, 'renamed')
    await pending.written()
    expect(journal.labels).toEqual(['/renamed'])
  })
})
