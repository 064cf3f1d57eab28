import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MARK, refusedByLinux, refusedByServer } from '../../../../src/core/names/alphabet.ts'
import { canBeShown, toPosixName, toServerName } from '../../../../src/core/names/index.ts'

const forbiddenAtServer = [...refusedByServer.keys()]
const forbiddenHere = [...refusedByLinux.keys()]
const standIns = [...refusedByServer.values(), ...refusedByLinux.values()]

const nameOf = (chars: string[]) =>
  fc.string({
    unit: fc.oneof(
      fc.constantFrom(...chars),
      fc.constantFrom(MARK, ...standIns),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    ),
    maxLength: 12,
  })
const posixName = nameOf([...forbiddenAtServer, 'a', '.']).filter((name) => !/[/\0]/.test(name))
const serverName = nameOf([...forbiddenHere, 'a', '.']).filter((name) => !/[\\:*?"<>|]/.test(name))

describe('names without a special character', () => {
  it.each([
    'report.odt',
    ' x ',
    'dots...',
    'é',
    'e\u0301',
    '日本',
    '%41',
    'a\nb',
    MARK,
    `a${MARK}b`,
    `it${MARK}s`,
  ])('%j is the same on both sides', (name) => {
    expect(toServerName(name)).toBe(name)
    expect(toPosixName(name)).toBe(name)
  })
})

describe('characters that the server refuses', () => {
  it.each([...refusedByServer])('%j is stored as %j, alone and within a name', (char, standIn) => {
    expect(toServerName(char)).toBe(standIn)
    expect(toPosixName(standIn)).toBe(char)
    expect(toServerName(`a${char}b${char}`)).toBe(`a${standIn}b${standIn}`)
  })

  it.each([...refusedByServer])(
    'a name that really has the look-alike of %j is stored with a mark',
    (_, standIn) => {
      expect(toServerName(standIn)).toBe(MARK + standIn)
      expect(toPosixName(MARK + standIn)).toBe(standIn)
    },
  )

  it('are exactly those of the server', () => {
    expect(forbiddenAtServer.sort().join('')).toBe('"*:<>?\\|')
  })
})

describe('characters that no name on Linux can hold', () => {
  it.each([...refusedByLinux])(
    '%j is shown as a marked %j, which alone stays what it is',
    (char, standIn) => {
      expect(toPosixName(char)).toBe(MARK + standIn)
      expect(toServerName(MARK + standIn)).toBe(char)
      expect(toPosixName(standIn)).toBe(standIn)
      expect(toServerName(standIn)).toBe(standIn)
    },
  )

  it('never come through from a hostile server', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('/', '.', '\0', MARK, ...standIns, ':') }), (name) => {
        expect(toPosixName(name)).not.toMatch(/[/\0]/)
      }),
    )
  })
})

describe('the map is one to one', () => {
  it('for every character of the basic plane, with 0 to 3 marks before it', () => {
    const seen = new Set<string>()
    const wrong: string[] = []
    for (let code = 1; code < 0x10000; code += 1) {
      if (code === 0x2f || (code >= 0xd800 && code < 0xe000)) continue
      for (let marks = 0; marks <= 3; marks += 1) {
        const name = MARK.repeat(marks) + String.fromCharCode(code)
        if (code === MARK.charCodeAt(0) && marks > 0) continue
        const stored = toServerName(name)
        if (toPosixName(stored) !== name || seen.has(stored)) wrong.push(name)
        seen.add(stored)
      }
    }
    expect(wrong).toEqual([])
    expect(seen.size).toBeGreaterThan(4 * 63_000)
  })

  it('for every run of four special characters', () => {
    const chars = [MARK, ':', '\u{FF1A}', '\u{2400}', 'a']
    const names = chars.flatMap((a) =>
      chars.flatMap((b) => chars.flatMap((c) => chars.map((d) => a + b + c + d))),
    )
    expect(new Set(names.map(toServerName)).size).toBe(names.length)
    for (const name of names) expect(toPosixName(toServerName(name))).toBe(name)
  })

  it('from here to the server and back', () => {
    fc.assert(
      fc.property(posixName, (name) => {
        const stored = toServerName(name)
        expect(stored).not.toMatch(/[\\:*?"<>|]/)
        expect(toPosixName(stored)).toBe(name)
      }),
      { numRuns: 2000 },
    )
  })

  it('from the server to here and back', () => {
    fc.assert(
      fc.property(serverName, (name) => {
        const shown = toPosixName(name)
        expect(shown).not.toMatch(/[/\0]/)
        expect(toServerName(shown)).toBe(name)
      }),
      { numRuns: 2000 },
    )
  })
})

it('an entry without a usable name cannot be shown', () => {
  expect(['', '.', '..', '...', 'a', MARK].map(canBeShown)).toEqual([false, false, false, true, true, true])
})
