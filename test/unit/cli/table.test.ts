import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  displayWidth,
  localTime,
  printable,
  renderPairs,
  renderTable,
  sizeInWords,
} from '../../../src/cli/table.ts'

describe('tables', () => {
  it('pad columns to the widest cell, wide characters counting as two', () => {
    expect(
      renderTable(
        ['WHO', 'WHAT'],
        [
          ['安', 'x'],
          ['Bert', 'y'],
        ],
      ),
    ).toEqual(['WHO   WHAT', '安    x', 'Bert  y'])
  })

  it('cut lines that are longer than the terminal', () => {
    const lines = renderTable(['A', 'B'], [['short', 'x'.repeat(50)]], 20)
    expect(lines[1]).toBe(`short  ${'x'.repeat(12)}…`)
  })

  it('no line is wider than asked and nothing in a cell reaches the terminal as a control character', () => {
    const cell = fc.string({ unit: 'binary', maxLength: 20 })
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell)), fc.integer({ min: 1, max: 60 }), (rows, width) => {
        for (const line of renderTable(['A', 'B'], rows, width)) {
          expect(displayWidth(line)).toBeLessThanOrEqual(width)
          expect(line).not.toMatch(/\p{Cc}/u)
        }
      }),
    )
  })

  it('names and values stand under each other, further lines indented', () => {
    expect(
      renderPairs([
        ['id', 'x'],
        ['history', 'one\ntwo\n'],
      ]),
    ).toEqual(['id       x', 'history  one', '         two'])
  })
})

describe('words', () => {
  it('escape sequences and direction marks in names become visible', () => {
    expect(printable('a\u001b[31mb\u202ec\n')).toBe('a\\x1b[31mb\\u202ec\\x0a')
  })

  it('sizes', () => {
    expect([0, 1023, 1024, 1.5 * 1024 ** 2, 3 * 1024 ** 5].map(sizeInWords)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.5 MiB',
      '3.0 PiB',
    ])
  })

  it('times are local', () => {
    expect(localTime(new Date(2026, 10, 3, 4, 5, 6).getTime())).toBe('2026-11-03 04:05:06')
  })
})
