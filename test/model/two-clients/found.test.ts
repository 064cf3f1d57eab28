/** Sequences that random ones were shrunk to, which went wrong once. */
import { describe, expect, it } from 'vitest'
import type { Operation } from './operations.ts'
import { TwoClientsRun } from './run.ts'

async function complaintsAfter(
  operations: readonly Operation[],
  { deletesForGood = false } = {},
): Promise<readonly string[]> {
  const run = await TwoClientsRun.open({ deletesForGood })
  try {
    return await run.run(operations)
  } finally {
    await run.stop()
  }
}

describe('two clients', () => {
  it('one of which saves into a folder that the other has deleted, while its own renames wait, agree', async () => {
    const complaints = await complaintsAfter([
      { do: 'rename', client: 'two', path: 'd/s/a', to: 'd/b' },
      { do: 'removeTree', client: 'one', path: 'd' },
      { do: 'save', client: 'two', path: 'd/b' },
      { do: 'save', client: 'two', path: 'd/s/a' },
      { do: 'network', client: 'two', isUp: false },
    ])
    expect(complaints).toEqual([])
  })

  it('one of which renames the folder into which the other uploads have the file once', async () => {
    const complaints = await complaintsAfter([
      { do: 'hold', client: 'two', method: 'upload', at: 'before' },
      { do: 'renameFolder', client: 'one', path: 'd', to: 'e' },
      { do: 'rename', client: 'two', path: 'a', to: 'd/b' },
      { do: 'save', client: 'two', path: 'd/s/a' },
    ])
    expect(complaints).toEqual([])
  })

  it('one of which deletes offline what the other moves and makes anew agree', async () => {
    const complaints = await complaintsAfter([
      { do: 'rename', client: 'one', path: 'a', to: 'd/s/a' },
      { do: 'rename', client: 'one', path: 'b', to: 'a' },
      { do: 'unlink', client: 'two', path: 'b' },
      { do: 'unlink', client: 'two', path: 'd/s/a' },
      { do: 'rmdir', client: 'two', path: 'd/s' },
      { do: 'copy', client: 'one', path: 'd/s/a', to: 'a' },
      { do: 'rename', client: 'one', path: 'a', to: 'd/s/a' },
      { do: 'network', client: 'two', isUp: false },
    ])
    expect(complaints).toEqual([])
  })

  it('one of which saves a conflict copy, unheard, of what the other moves away before it tries again, have the copy once', async () => {
    const complaints = await complaintsAfter([
      { do: 'save', client: 'two', path: 'd/a' },
      { do: 'loseAnswers', client: 'one', method: 'upload' },
      { do: 'rename', client: 'two', path: 'd/a', to: 'a' },
      { do: 'save', client: 'one', path: 'd/a' },
      { do: 'wait', client: 'two', ms: 2000 },
    ])
    expect(complaints).toEqual([])
  })

  it('one of which renames the folder that several uploads of the other are on their way into have each file once', async () => {
    const complaints = await complaintsAfter([
      { do: 'save', client: 'two', path: 'd/b' },
      { do: 'wait', client: 'two', ms: 600 },
      { do: 'hold', client: 'two', method: 'upload', at: 'before' },
      { do: 'renameFolder', client: 'one', path: 'd', to: 'e' },
      { do: 'rename', client: 'two', path: 'a', to: 'd/b' },
      { do: 'save', client: 'two', path: 'd/s/a' },
    ])
    expect(complaints).toEqual([])
  })

  it('one of which moves a folder in which the other has saved a file, unheard, have the file once', async () => {
    const complaints = await complaintsAfter([
      { do: 'save', client: 'two', path: 'd/s/a' },
      { do: 'renameFolder', client: 'one', path: 'd/s', to: 'e' },
      { do: 'loseAnswers', client: 'two', method: 'upload' },
    ])
    expect(complaints).toEqual([])
  })

  it('one of which deletes a file while its own changes go beside those of the other keep these', async () => {
    const complaints = await complaintsAfter([
      { do: 'hold', client: 'one', method: 'upload', at: 'before' },
      { do: 'save', client: 'two', path: 'b' },
      { do: 'save', client: 'one', path: 'b' },
      { do: 'wait', client: 'one', ms: 31_000 },
      { do: 'wait', client: 'two', ms: 31_000 },
      { do: 'hold', client: 'one', method: 'upload', at: 'before' },
      { do: 'wait', client: 'two', ms: 31_000 },
      { do: 'unlink', client: 'one', path: 'b' },
    ])
    expect(complaints).toEqual([])
  })

  it('one of which moves a file onto one that the other changes, and puts back, keep it', async () => {
    const complaints = await complaintsAfter(
      [
        { do: 'save', client: 'two', path: 'd/a' },
        { do: 'copy', client: 'two', path: 'b', to: 'd/b' },
        { do: 'removeTree', client: 'one', path: 'd' },
        { do: 'wait', client: 'one', ms: 600 },
        { do: 'copy', client: 'one', path: 'd/b', to: 'd/s/a' },
        { do: 'save', client: 'two', path: 'd/a' },
        { do: 'rename', client: 'two', path: 'd/a', to: 'd/b' },
        { do: 'wait', client: 'two', ms: 2000 },
        { do: 'change', client: 'one', path: 'd/b', how: 'append' },
        { do: 'wait', client: 'one', ms: 2000 },
        { do: 'rename', client: 'one', path: 'd/b', to: 'd/a' },
      ],
      { deletesForGood: true },
    )
    expect(complaints).toEqual([])
  })
})
