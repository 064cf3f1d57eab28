import { expect, it } from 'vitest'
import { FolderMoves } from '../../../../src/core/filesystem/folder-moves.ts'
import { Node } from '../../../../src/core/inode/index.ts'
import type { Ino } from '../../../../src/core/types.ts'
import { settle } from '../../../fakes/manual-clock.ts'

const folder = new Node(2 as Ino, 2, 'folder')
const file = new Node(3 as Ino, 3, 'file')
file.moveTo(folder, 'file')

/** Something that goes on until it is ended. */
function going(): { readonly work: () => Promise<void>; readonly end: () => void } {
  const ends: (() => void)[] = []
  const over = new Promise<void>((resolve) => {
    ends.push(resolve)
  })
  return { work: () => over, end: () => ends[0]!() }
}

/** What has come to its end, in that order. */
function recorder(): {
  readonly done: string[]
  readonly note: (name: string, work: Promise<unknown>) => void
} {
  const done: string[] = []
  return { done, note: (name, work) => void work.then(() => done.push(name)) }
}

it('a move waits for requests below it, and who asks in one of them whether all is still does not wait for the move', async () => {
  const moves = new FolderMoves()
  const { done, note } = recorder()
  const [request, move] = [going(), going()]
  note('request', moves.use([file], request.work))
  note('move', moves.run(folder, move.work))
  note('still', moves.still(folder))
  note('passed', moves.passed(file))
  move.end()
  await settle()
  expect(done).toEqual(['still'])
  request.end()
  await settle()
  expect(done.slice(0, 2)).toEqual(['still', 'request'])
  expect(done.slice(2).toSorted()).toEqual(['move', 'passed'])
})

it('once a move has begun, all is still when it has ended', async () => {
  const moves = new FolderMoves()
  const { done, note } = recorder()
  const move = going()
  note('move', moves.run(folder, move.work))
  await settle()
  note('still', moves.still(file))
  await settle()
  expect(done).toEqual([])
  move.end()
  await settle()
  expect(done.toSorted()).toEqual(['move', 'still'])
})
