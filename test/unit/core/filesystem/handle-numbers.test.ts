import { describe, expect, it } from 'vitest'
import { HandleNumbers } from '../../../../src/core/filesystem/handle-numbers.ts'
import type { Fh } from '../../../../src/core/types.ts'

const MAX_FH = 2 ** 31 - 1

describe('HandleNumbers', () => {
  it('gives no number out twice, whether or not the first was given back', () => {
    const numbers = new HandleNumbers()
    const table = numbers.table<string>()
    const first = numbers.next()
    table.set(first, 'open')
    table.delete(first)
    expect([first, numbers.next()]).toEqual([1, 2])
  })

  it('begins anew after the largest, with what is open in none of the tables', () => {
    const numbers = new HandleNumbers(MAX_FH - 1)
    const [files, folders] = [numbers.table<string>(), numbers.table<string>()]
    files.set(1 as Fh, 'open')
    folders.set(2 as Fh, 'open')
    files.set(numbers.next(), 'the largest')
    files.set(numbers.next(), 'the next')
    expect([...files.keys()]).toEqual([1, MAX_FH, 3])
  })
})
