import { describe, expect, it } from 'vitest'
import { PendingStates } from '../../../../src/core/filesystem/index.ts'
import { NodeTable, type Node } from '../../../../src/core/inode/index.ts'
import type { JournalChange } from '../../../../src/core/journal/index.ts'
import { remoteFolder } from '../../../fakes/remote-entry.ts'

/** A journal that is as fast as can be. */
class MemoryJournal {
  readonly labels: string[] = []
  /** A record has just been written. */
  onWritten = (): void => undefined

  async change(changes: readonly JournalChange[]): Promise<void> {
    for (const { value } of changes)
      this.labels.push(value === undefined ? 'an end' : (value as { label: string }).label)
    this.onWritten()
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

  it('ends on record when what the server did is known for good, and keeps nothing else waiting', async () => {
    const journal = new MemoryJournal()
    let settle: (() => void) | undefined
    let settled: Promise<void> | undefined
    const pending = new PendingStates({ journal, knownSettled: () => settled })
    const table = new NodeTable(remoteFolder({ name: '' }))
    const node = changed(table, 'first')
    pending.touch(node)
    await pending.written()
    settled = new Promise((resolve) => (settle = resolve))
    node.unsent.patches.clear()
    pending.touch(node)
    pending.touch(changed(table, 'second'))
    await pending.written()
    expect(journal.labels).toEqual(['/first', '/second'])
    const ended = pending.ended()
    // Other things have to be settled all the time.
    settle?.()
    settled = new Promise(() => undefined)
    await ended
    expect(journal.labels).toEqual(['/first', '/second', 'an end'])
  })

  it('does not end when it was changed again meanwhile', async () => {
    const journal = new MemoryJournal()
    let settle: (() => void) | undefined
    let settled: Promise<void> | undefined = new Promise((resolve) => (settle = resolve))
    const pending = new PendingStates({ journal, knownSettled: () => settled })
    const table = new NodeTable(remoteFolder({ name: '' }))
    const node = changed(table, 'first')
    pending.touch(node)
    await pending.written()
    node.unsent.patches.clear()
    pending.touch(node)
    await pending.written()
    node.unsent.patches.set('k', { key: 'k', value: 'another' })
    pending.touch(node)
    await pending.written()
    settle?.()
    settled = undefined
    await pending.ended()
    expect(journal.labels).toEqual(['/first', '/first'])
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
