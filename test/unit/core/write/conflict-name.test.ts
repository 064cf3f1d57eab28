import { describe, expect, it } from 'vitest'
import { conflictName } from '../../../../src/core/write/conflict-name.ts'

const atMs = new Date(2026, 10, 23, 14, 3).getTime()
const options = { atMs, hostName: 'laptop', attempt: 1, maxBytes: 244 }

describe('conflictName', () => {
  it.each([
    ['report.odt', 'report (conflict 2026-11-23 14.03 laptop).odt'],
    ['a.tar.gz', 'a.tar (conflict 2026-11-23 14.03 laptop).gz'],
    ['README', 'README (conflict 2026-11-23 14.03 laptop)'],
    ['.bashrc', '.bashrc (conflict 2026-11-23 14.03 laptop)'],
  ])('%s → %s [C2]', (name, expected) => {
    expect(conflictName(name, options)).toBe(expected)
  })

  it('numbers later tries', () => {
    expect(conflictName('a.b', { ...options, attempt: 3 })).toBe('a (conflict 2026-11-23 14.03 laptop 3).b')
  })

  it('keeps characters out that the server refuses', () => {
    expect(conflictName('a', { ...options, hostName: 'a:b/c' })).toContain(' a-b-c)')
  })

  it('cuts long names at a whole character, keeping the extension', () => {
    const name = conflictName(`${'é'.repeat(120)}.odt`, options)
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(244)
    expect(Buffer.byteLength(name)).toBeGreaterThan(240)
    expect(name).toMatch(/é \(conflict .*\)\.odt$/)
  })
})
